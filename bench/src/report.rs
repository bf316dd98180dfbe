//! Markdown.

use crate::{contender::CONTENDERS, stats::Spread};
use std::fmt::Write;

pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: vec![] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn render(&self, out: &mut String) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        out.push_str(&line(&self.header));
        out.push_str(&line(&vec!["---".to_owned(); self.header.len()]));
        for row in &self.rows {
            out.push_str(&line(row));
        }
    }
}

/// What one scenario says.
pub struct Section {
    pub title: String,
    pub text: String,
    pub table: Table,
}

impl Section {
    pub fn render(&self) -> String {
        let mut out = String::new();
        let _ = write!(out, "### {}\n\n{}\n\n", self.title, self.text);
        self.table.render(&mut out);
        out
    }
}

/// A number with three digits that count.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.0995 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let (sign, text) = text.strip_prefix('-').map_or(("", &*text), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = grouped(whole);
    fraction.map_or_else(|| format!("{sign}{whole}"), |fraction| format!("{sign}{whole}.{fraction}"))
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things.
pub fn whole(count: f64) -> String {
    grouped(&format!("{count:.0}"))
}

pub fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(dash, number)
}

pub fn dash() -> String {
    "–".to_owned()
}

/// The median, with the quartiles, and as a multiple of another.
pub fn spread(spread: Option<Spread>, base: Option<f64>) -> String {
    let Some(Spread { median, low, high }) = spread else { return dash() };
    let ratio = base.filter(|base| *base > 0.0).map(|base| format!(", {}×", number(median / base))).unwrap_or_default();
    // Of one measurement there is nothing to spread.
    let quartiles = if low < high { format!(" ({}…{})", number(low), number(high)) } else { String::new() };
    format!("{}{quartiles}{ratio}", number(median))
}

/// `1 window`, `8 windows`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A row for each contender that something was measured of.
pub fn rows(table: &mut Table, cells: impl Fn(&'static str) -> Option<Vec<String>>) {
    for contender in CONTENDERS {
        if let Some(cells) = cells(contender.id()).filter(|cells| cells.iter().any(|cell| *cell != dash())) {
            table.row(std::iter::once(contender.name().to_owned()).chain(cells));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count_and_groups_of_three() {
        assert_eq!(number(1.054), "1.05");
        assert_eq!(number(14_664.3), "14,664");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(-12.34), "-12.3");
        assert_eq!(number(99.96), "100");
        assert_eq!(number(0.00482), "0.0048");
    }

    #[test]
    fn one_measurement_has_no_spread() {
        let of = |median, low, high| spread(Some(Spread { median, low, high }), Some(2.0));
        assert_eq!(of(1.0, 1.0, 1.0), "1.00, 0.50×");
        assert_eq!(of(1.0, 0.5, 3.0), "1.00 (0.50…3.00), 0.50×");
    }
}
