//! A small project to try cargo prof on. It counts words in two ways, one of them slow for a reason that a profile
//! shows; nothing in it, nor in its manifest, knows of cargo prof.
//!
//! ```
//! assert_eq!(prof_examples::most_frequent("a b a"), Some(("a".to_owned(), 2)));
//! ```

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};

/// The words of a text with how often each occurs, by hashing.
pub fn count(text: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// The same with a copy of every word in lower case: what the memory profile is about.
pub fn count_ignoring_case(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// The most frequent word, the first in the alphabet if several are.
pub fn most_frequent(text: &str) -> Option<(String, usize)> {
    let counts = count_ignoring_case(text);
    counts.into_iter().rev().max_by_key(|(_, count)| *count)
}

/// A text of `words` words, always the same.
pub fn text(words: usize) -> String {
    let mut state = 1u64;
    let mut text = String::new();
    for _ in 0..words {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Squaring makes small numbers, and so some words, more frequent than others.
        let rank = (state >> 40) as f64 / (1u64 << 24) as f64;
        text.push_str(&format!("Word{} ", (rank * rank * 5000.0) as u32));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_count_the_same() {
        let text = text(400_000);
        let counts = count(&text);
        for (word, count) in count_ignoring_case(&text) {
            assert_eq!(counts[word.replace("word", "Word").as_str()], count);
        }
    }

    #[test]
    fn the_most_frequent_word_is_found() {
        let text = text(800_000);
        assert_eq!(most_frequent(&text).unwrap().0, "word0");
    }

    #[test]
    fn threads_count_their_part() {
        let text = text(300_000);
        let half = text.len() / 2;
        let half = half + text[half..].find(' ').unwrap();
        let (first, second) = text.split_at(half);
        let counts = std::thread::scope(|scope| {
            let parts = [first, second].map(|part| scope.spawn(|| count(part).values().sum::<usize>()));
            parts.map(|part| part.join().unwrap())
        });
        assert_eq!(counts.iter().sum::<usize>(), 300_000);
    }
}
