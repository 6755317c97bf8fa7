//! Each line of standard input as harper-core would have it: the first suggestion of each lint, from
//! the end of the line to its start, one edit at each place.
use harper_core::linting::{LintGroup, Linter};
use harper_core::parsers::PlainEnglish;
use harper_core::spell::FstDictionary;
use harper_core::{remove_overlaps, Dialect, Document};
use std::io::{stdin, stdout, BufRead, Write};

fn main() {
    let mut linter = LintGroup::new_curated(FstDictionary::curated(), Dialect::American);
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let mut text: Vec<char> = line.expect("UTF-8").chars().collect();
        let before: String = text.iter().collect();
        let mut lints = linter.lint(&Document::new_curated(&before, &PlainEnglish));
        lints.retain(|l| !l.suggestions.is_empty());
        remove_overlaps(&mut lints);
        lints.sort_by_key(|l| std::cmp::Reverse(l.span.start));
        for lint in &lints {
            lint.suggestions[0].apply(lint.span, &mut text);
        }
        let after: String = text.iter().collect();
        writeln!(out, "{}", after.replace('\n', " ")).expect("standard output");
    }
}
