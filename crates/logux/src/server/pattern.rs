//! Names of channels and types.

use regex_lite::Regex;
use std::collections::HashMap;

/// What names of channels, or types of actions, look like.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// `user/:id`: parts between slashes, where `:name` stands for any one part, and `*` at the end for all that follows.
    Parts(Vec<Part>),
    /// A regular expression.
    Matching(Regex),
    /// Everything.
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Fixed(String),
    Named(String),
    Rest,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Parts(parts), Self::Parts(others)) => parts == others,
            (Self::Matching(regex), Self::Matching(other)) => regex.as_str() == other.as_str(),
            (Self::Any, Self::Any) => true,
            _ => false,
        }
    }
}

impl Pattern {
    pub fn parts(pattern: &str) -> Self {
        let last = pattern.split('/').count() - 1;
        let part = |(at, part): (usize, &str)| match part.strip_prefix(':') {
            Some(name) => Part::Named(name.to_owned()),
            None if part == "*" && at == last => Part::Rest,
            None => Part::Fixed(part.to_owned()),
        };
        Self::Parts(pattern.split('/').enumerate().map(part).collect())
    }

    pub fn matching(regex: &str) -> Result<Self, regex_lite::Error> {
        Regex::new(regex).map(Self::Matching)
    }

    pub fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Parts(parts) => fit_parts(parts, name).is_some(),
            Self::Matching(regex) => regex.is_match(name),
            Self::Any => true,
        }
    }

    /// What stands for the names, where the pattern fits. `0` is all of it; `*` is what a rest stands for; groups of a
    /// regular expression have their numbers, and their names.
    pub fn fit(&self, name: &str) -> Option<HashMap<String, String>> {
        match self {
            Self::Parts(parts) => fit_parts(parts, name),
            Self::Matching(regex) => {
                let groups = regex.captures(name)?;
                let numbered = groups.iter().enumerate().map(|(at, group)| (at.to_string(), group));
                let named = regex.capture_names().flatten().map(|name| (name.to_owned(), groups.name(name)));
                let found = numbered.chain(named).filter_map(|(key, group)| Some((key, group?.as_str().to_owned())));
                // The whole name, as in the reference's wildcard, where the expression matches only a part.
                Some(found.chain([("0".to_owned(), name.to_owned())]).collect())
            }
            Self::Any => Some(HashMap::from([("0".to_owned(), name.to_owned())])),
        }
    }
}

fn fit_parts(expected: &[Part], name: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    let mut rest = Some(name);
    for expected in expected {
        let (part, after) = match rest?.split_once('/') {
            Some((part, after)) => (part, Some(after)),
            None => (rest?, None),
        };
        match expected {
            Part::Fixed(text) if text == part => {}
            Part::Named(name) if !part.is_empty() => {
                found.insert(name.clone(), part.to_owned());
            }
            Part::Rest => {
                found.insert("*".to_owned(), rest?.to_owned());
                return Some(found);
            }
            _ => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_part_by_part() {
        let check = |pattern: &str, channel: &str, expected: Option<&[(&str, &str)]>| {
            let found = Pattern::parts(pattern).fit(channel);
            let expected =
                expected.map(|pairs| pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect());
            assert_eq!(found, expected, "{pattern} {channel}");
        };
        check("users", "users", Some(&[]));
        check("user/:id", "user/10", Some(&[("id", "10")]));
        check(":a/x/:b", "1/x/2", Some(&[("a", "1"), ("b", "2")]));
        for wrong in ["user", "user/", "user/10/x", "users/10", "/user/10", ""] {
            check("user/:id", wrong, None);
        }
    }

    #[test]
    fn a_star_at_the_end_stands_for_all_that_follows() {
        let rest = |pattern: &str, channel: &str| Pattern::parts(pattern).fit(channel).map(|found| found["*"].clone());
        assert_eq!(rest("posts/*", "posts/1/comments").as_deref(), Some("1/comments"));
        assert_eq!(rest("posts/*", "posts/").as_deref(), Some(""));
        assert_eq!(rest("*", "anything/at all").as_deref(), Some("anything/at all"));
        assert_eq!(rest("posts/*", "posts"), None);
        assert_eq!(rest("posts/*", "users/1"), None);
        assert_eq!(Pattern::parts("*/x").fit("a/x"), None, "a star elsewhere is a star");
    }

    #[test]
    fn groups_have_numbers_and_names() {
        let pattern = Pattern::matching("^user/(?<id>[0-9]+)(/(posts))?$").unwrap();
        let found = pattern.fit("user/10").unwrap();
        let get = |key: &str| found.get(key).map(String::as_str);
        assert_eq!((get("0"), get("1"), get("id"), get("3")), (Some("user/10"), Some("10"), Some("10"), None));
        assert_eq!(pattern.fit("user/x"), None);
        assert!(Pattern::matching("(").is_err());
    }
}
