//! Many measurements of one thing, and what is said of them.

use serde::{Deserialize, Serialize};
use std::time::Duration;

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

/// Of whom, in how many windows or of how much, and what.
pub type Key<'a> = (&'a str, usize, &'a str);

#[derive(Serialize, Deserialize)]
struct Series {
    contender: String,
    amount: usize,
    what: String,
    values: Vec<f64>,
}

impl Series {
    fn key(&self) -> Key<'_> {
        (&self.contender, self.amount, &self.what)
    }
}

/// All measurements of a scenario, in the order in which each was first made.
#[derive(Default, Serialize, Deserialize)]
pub struct Samples(Vec<Series>);

impl Samples {
    pub fn add(&mut self, key: Key<'_>, value: f64) {
        match self.0.iter_mut().find(|series| series.key() == key) {
            Some(series) => series.values.push(value),
            None => {
                let (contender, amount, what) = (key.0.to_owned(), key.1, key.2.to_owned());
                self.0.push(Series { contender, amount, what, values: vec![value] });
            }
        }
    }

    pub fn append(&mut self, others: Self) {
        for series in &others.0 {
            series.values.iter().for_each(|value| self.add(series.key(), *value));
        }
    }

    /// What was measured of this contender in so many windows, or of so much.
    pub fn of(&self, contender: &str, amount: usize) -> impl Iterator<Item = (&str, &[f64])> {
        let is_meant = move |series: &&Series| series.contender == contender && series.amount == amount;
        self.0.iter().filter(is_meant).map(|series| (&*series.what, &*series.values))
    }

    fn values(&self, key: Key<'_>) -> &[f64] {
        self.0.iter().find(|series| series.key() == key).map_or(&[], |series| &series.values)
    }

    pub fn spread(&self, key: Key<'_>) -> Option<Spread> {
        Spread::of(self.values(key))
    }

    pub fn median(&self, key: Key<'_>) -> Option<f64> {
        Some(self.spread(key)?.median)
    }

    /// None of nothing.
    pub fn sum(&self, key: Key<'_>) -> Option<f64> {
        let values = self.values(key);
        (!values.is_empty()).then(|| values.iter().sum())
    }

    pub fn count(&self, key: Key<'_>) -> usize {
        self.values(key).len()
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

    #[test]
    fn what_several_turns_have_measured_is_put_together() {
        let mut all = Samples::default();
        for (contender, values) in [("floor", [1.0, 2.0]), ("emit", [5.0, 6.0]), ("floor", [3.0, 4.0])] {
            let mut turn = Samples::default();
            values.iter().for_each(|value| turn.add((contender, 1, "ms"), *value));
            all.append(turn);
        }
        assert_eq!(all.of("floor", 1).collect::<Vec<_>>(), [("ms", &[1.0, 2.0, 3.0, 4.0][..])]);
        assert_eq!((all.sum(("emit", 1, "ms")), all.count(("emit", 1, "ms"))), (Some(11.0), 2));
        assert_eq!((all.sum(("emit", 2, "ms")), all.median(("emit", 1, "cpu"))), (None, None));
    }
}
