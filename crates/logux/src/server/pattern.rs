//! Names of channels.

use std::collections::HashMap;

/// `user/:id`: parts between slashes, where `:name` stands for any one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Named(String),
}

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        let part = |part: &str| match part.strip_prefix(':') {
            Some(name) => Part::Named(name.to_owned()),
            None => Part::Fixed(part.to_owned()),
        };
        Self(pattern.split('/').map(part).collect())
    }

    /// What stands for the names, where the pattern fits.
    pub fn fit(&self, channel: &str) -> Option<HashMap<String, String>> {
        let mut parts = channel.split('/');
        let mut found = HashMap::new();
        for expected in &self.0 {
            let part = parts.next()?;
            match expected {
                Part::Fixed(text) if text == part => {}
                Part::Named(name) if !part.is_empty() => {
                    found.insert(name.clone(), part.to_owned());
                }
                _ => return None,
            }
        }
        parts.next().is_none().then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_part_by_part() {
        let check = |pattern: &str, channel: &str, expected: Option<&[(&str, &str)]>| {
            let found = Pattern::new(pattern).fit(channel);
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
}
