//! How one list becomes another: what goes, what comes, what moves, and what stays.

use std::collections::{HashMap, HashSet, VecDeque};

/// One step of turning a list into another; each sees the list as the steps before it left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Remove(usize),
    /// Adds the item of the second list that stands at `item`.
    Add {
        at: usize,
        item: usize,
    },
    /// Takes out and puts in again, where it stands then.
    Move {
        from: usize,
        to: usize,
    },
}

/// How one list becomes another.
#[derive(Debug, Default)]
pub(crate) struct Alignment {
    pub(crate) steps: Vec<Step>,
    /// Which item of the first list each item of the second was, in the order of the second.
    pub(crate) was: Vec<Option<usize>>,
}

/// Compares two lists by what identifies their items. Where `pairing`, what has gone and what has come between the same
/// two neighbours counts as one item that has changed.
pub(crate) fn align<'a>(a: &[&'a [u8]], b: &[&'a [u8]], pairing: bool) -> Alignment {
    let mut places: HashMap<&[u8], VecDeque<usize>> = HashMap::new();
    for (at, item) in a.iter().enumerate() {
        places.entry(item).or_default().push_back(at);
    }
    let mut was: Vec<Option<usize>> = b.iter().map(|item| places.get_mut(item).and_then(VecDeque::pop_front)).collect();
    let mut kept: HashSet<usize> = was.iter().flatten().copied().collect();
    let mut stays = longest_rising(&was);
    if pairing {
        pair_within_gaps(a.len(), &mut was, &mut stays, &mut kept);
    }
    let mut steps: Vec<Step> = (0..a.len()).rev().filter(|at| !kept.contains(at)).map(Step::Remove).collect();

    // The list on its way, as one place for each item of the first list, with a place before all of them: what was put
    // somewhere counts at the place of the item that stays before it.
    let mut places = Counts::new(a.len() + 1);
    kept.iter().for_each(|at| places.add(at + 1, 1));
    let mut anchor = 0;
    for (item, was) in was.iter().enumerate() {
        match *was {
            Some(at) if stays.contains(&at) => anchor = at + 1,
            Some(at) => {
                let from = places.up_to(at);
                places.add(at + 1, -1);
                let to = places.up_to(anchor);
                places.add(anchor, 1);
                if from != to {
                    steps.push(Step::Move { from, to });
                }
            }
            None => {
                steps.push(Step::Add { at: places.up_to(anchor), item });
                places.add(anchor, 1);
            }
        }
    }
    Alignment { steps, was }
}

/// The most items that need not move.
fn longest_rising(was: &[Option<usize>]) -> HashSet<usize> {
    let items: Vec<usize> = was.iter().flatten().copied().collect();
    // The end of the best run of each length, and what stands before each item in its best run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: HashMap<usize, usize> = HashMap::new();
    for &item in &items {
        let length = ends.partition_point(|end| *end < item);
        if length > 0 {
            before.insert(item, ends[length - 1]);
        }
        if length == ends.len() {
            ends.push(item);
        } else {
            ends[length] = item;
        }
    }
    std::iter::successors(ends.last().copied(), |item| before.get(item).copied()).collect()
}

fn pair_within_gaps(length: usize, was: &mut [Option<usize>], stays: &mut HashSet<usize>, kept: &mut HashSet<usize>) {
    let mut gone = 0;
    for was in was.iter_mut() {
        match *was {
            Some(at) if stays.contains(&at) => gone = at + 1,
            Some(_) => {}
            None => {
                let free = (gone..length).take_while(|at| !stays.contains(at)).find(|at| !kept.contains(at));
                if let Some(at) = free {
                    *was = Some(at);
                    stays.insert(at);
                    kept.insert(at);
                    gone = at + 1;
                }
            }
        }
    }
}

/// Counts, and the sums of the first of them (a Fenwick tree).
struct Counts(Vec<i64>);

impl Counts {
    fn new(length: usize) -> Self {
        Self(vec![0; length + 1])
    }

    fn add(&mut self, place: usize, count: i64) {
        let mut at = place + 1;
        while at < self.0.len() {
            self.0[at] += count;
            at += at & at.wrapping_neg();
        }
    }

    /// The sum of the counts up to this place, and of it.
    fn up_to(&self, place: usize) -> usize {
        let mut at = place + 1;
        let mut sum = 0;
        while at > 0 {
            sum += self.0[at];
            at -= at & at.wrapping_neg();
        }
        usize::try_from(sum).unwrap_or(0)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The second list as the steps make it of the first, with `?` for what is only paired.
    fn walked(a: &str, b: &str, pairing: bool) -> (Vec<Step>, String) {
        let items = |text: &'static str| -> Vec<&'static [u8]> { text.as_bytes().chunks(1).collect() };
        let (a, b): (&'static str, &'static str) = (a.to_owned().leak(), b.to_owned().leak());
        let Alignment { steps, was } = align(&items(a), &items(b), pairing);
        let mut list: Vec<char> = a.chars().collect();
        for step in &steps {
            match *step {
                Step::Remove(at) => drop(list.remove(at)),
                Step::Add { at, item } => list.insert(at, char::from(b.as_bytes()[item])),
                Step::Move { from, to } => {
                    let item = list.remove(from);
                    list.insert(to, item);
                }
            }
        }
        for (at, was) in was.iter().enumerate() {
            if let Some(was) = was {
                assert_eq!(list[at], char::from(a.as_bytes()[*was]), "{a} {b} {steps:?}");
                list[at] = char::from(b.as_bytes()[at]);
            }
        }
        (steps, list.into_iter().collect())
    }

    #[test]
    fn one_insertion_one_removal_and_one_move_are_one_step_each() {
        assert_eq!(walked("bcdef", "abcdef", false).0, [Step::Add { at: 0, item: 0 }]);
        assert_eq!(walked("abcdef", "abdef", false).0, [Step::Remove(2)]);
        assert_eq!(walked("abcdef", "bcdefa", false).0, [Step::Move { from: 0, to: 5 }]);
        assert_eq!(walked("abcdef", "fabcde", false).0, [Step::Move { from: 5, to: 0 }]);
        assert_eq!(walked("abcdef", "abxdef", true).0, [], "it has changed in its place");
        assert_eq!(walked("abcdef", "abxdef", false).0.len(), 2);
    }

    proptest! {
        #[test]
        fn any_list_becomes_any_other(a in "[a-h]{0,12}", b in "[a-h]{0,12}", pairing: bool) {
            prop_assert_eq!(walked(&a, &b, pairing).1, b);
        }
    }
}
