//! Many measurements of one thing, and what is said of them.

use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    /// The quartiles.
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// None of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { median: at(&sorted, 0.5)?, low: at(&sorted, 0.25)?, high: at(&sorted, 0.75)? })
    }
}

/// Between two measurements, as much of each as it is near.
fn at(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// What was measured, of whom, in how many windows.
pub type Key = (&'static str, usize, &'static str);

/// All measurements of a scenario.
#[derive(Default)]
pub struct Samples {
    values: BTreeMap<Key, Vec<f64>>,
}

impl Samples {
    pub fn add(&mut self, key: Key, value: f64) {
        self.values.entry(key).or_default().push(value);
    }

    pub fn spread(&self, key: Key) -> Option<Spread> {
        Spread::of(self.values.get(&key)?)
    }

    pub fn median(&self, key: Key) -> Option<f64> {
        Some(self.spread(key)?.median)
    }

    pub fn sum(&self, key: Key) -> Option<f64> {
        Some(self.values.get(&key)?.iter().sum())
    }

    pub fn count(&self, key: Key) -> usize {
        self.values.get(&key).map_or(0, Vec::len)
    }
}

pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_quartiles_lie_where_they_should() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0, 5.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.0, low: 2.0, high: 4.0 });
        assert_eq!(Spread::of(&[1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Spread::of(&[]), None);
    }
}
