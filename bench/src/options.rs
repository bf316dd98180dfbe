//! The command line.

use crate::{
    contender::{CONTENDERS, Contender},
    contenders::lockstep::Lockstep,
    run::Plan,
    scenarios::{SCENARIOS, Scenario},
};
use anyhow::{Context, Result, bail};
use std::time::Duration;

pub struct Options {
    pub plan: Plan,
    pub scenarios: Vec<&'static Scenario>,
    pub soak: Option<Duration>,
}

impl Options {
    /// `[--quick] [--windows 1,4,8] [--repeat 3] [--contenders lockstep,emit] [--soak SECONDS] [SCENARIO…]`
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self> {
        let (mut quick, mut windows, mut repeat, mut soak, mut scenarios) = (false, None, None, None, vec![]);
        let mut contenders = vec![];
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("`{arg}` needs a value"));
            match arg.as_str() {
                "--quick" => quick = true,
                "--windows" => windows = Some(numbers(&value()?)?),
                "--repeat" => repeat = Some(number(&value()?)?),
                "--contenders" => contenders = known_contenders(&value()?)?,
                "--soak" => soak = Some(Duration::from_secs(number(&value()?)? as u64)),
                flag if flag.starts_with('-') => bail!("no such option: `{flag}`"),
                name => {
                    let known = SCENARIOS.iter().find(|scenario| scenario.name.eq_ignore_ascii_case(name));
                    scenarios.push(known.with_context(|| format!("no such scenario: `{name}`"))?);
                }
            }
        }
        if scenarios.is_empty() {
            scenarios.extend(SCENARIOS);
        }
        let windows = windows.unwrap_or_else(|| if quick { vec![1, 4, 8] } else { vec![1, 4, 8, 16] });
        let repeat = repeat.unwrap_or(if quick { 1 } else { 3 });
        Ok(Self { plan: Plan { quick, windows, repeat, contenders }, scenarios, soak })
    }
}

impl Options {
    /// Who is soaked: who is named, or Lockstep.
    pub fn soaked(&self) -> &'static dyn Contender {
        let named = self.plan.contenders.last();
        let is_it = |contender: &&&'static dyn Contender| named.is_some_and(|named| named == contender.id());
        CONTENDERS.iter().find(is_it).copied().unwrap_or(&Lockstep)
    }
}

/// The floor is always one of them: the others are compared with it.
fn known_contenders(text: &str) -> Result<Vec<String>> {
    let known = |id: &str| CONTENDERS.iter().any(|contender| contender.id() == id).then(|| id.to_owned());
    let named = text.split(',').map(|id| known(id).with_context(|| format!("no such contender: `{id}`")));
    [Ok("floor".to_owned())].into_iter().chain(named).collect()
}

fn numbers(text: &str) -> Result<Vec<usize>> {
    text.split(',').map(number).collect()
}

fn number(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(0) | Err(_) => bail!("`{text}` is no number above zero"),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn without_arguments_everything_is_measured() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.scenarios.len(), SCENARIOS.len());
        assert_eq!(options.plan.windows, [1, 4, 8, 16]);
    }

    #[test]
    fn what_is_measured_can_be_said() {
        let options = parse(&["--quick", "s1", "--windows", "1,2", "rate", "--repeat", "5"]).unwrap();
        assert_eq!(options.scenarios.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), ["S1", "rate"]);
        assert_eq!((options.plan.windows, options.plan.repeat), (vec![1, 2], 5));
        assert_eq!(parse(&["--contenders", "emit,lockstep"]).unwrap().plan.contenders, ["floor", "emit", "lockstep"]);
        assert_eq!(parse(&["--soak", "60"]).unwrap().soaked().id(), "lockstep");
        assert_eq!(parse(&["--soak", "60", "--contenders", "floor"]).unwrap().soaked().id(), "floor");
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for args in [&["--windows"][..], &["--windows", "0"], &["--slow"], &["S9"], &["--contenders", "me"]] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
