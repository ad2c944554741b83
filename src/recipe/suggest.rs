//! "Did you mean": the nearest name for a misspelled one, when it is plausibly meant.

/// Longer words are not compared: nobody meant a name by them, and the comparison grows with the product of the lengths.
const MAX_WORD: usize = 64;

/// The candidate nearest to `word`, when near enough to be what was meant: one slip (a letter wrong, missing, doubled or
/// swapped with its neighbor) per three letters, or a beginning of at least three letters. Case and `-`/`_` do not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    let length = word.chars().count();
    if length == 0 || length > MAX_WORD {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        let slips = strsim::osa_distance(&word, &folded);
        let allowed = (length.max(folded.chars().count()) / 3).max(1);
        let slips = if slips > allowed && length >= 3 && folded.starts_with(&word) { allowed } else { slips };
        // A word of one or two letters is all slip when every letter changes.
        let plausible = slips <= allowed && slips < length;
        if plausible && best.is_none_or(|(least, _)| slips < least) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().take(MAX_WORD + 1).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// `unknown {what} "word"`, then the nearest of `candidates`, or all of them.
pub(super) fn unknown(what: &str, word: &str, candidates: &[&str]) -> String {
    let shown: String = word.chars().take(MAX_WORD).collect();
    let more = if shown.len() < word.len() { "..." } else { "" };
    let advice = match nearest(word, candidates.iter().copied()) {
        Some(name) => format!(", did you mean {name:?}?"),
        None if candidates.is_empty() => "; there is none".to_owned(),
        None => format!("; there is: {}", candidates.join(", ")),
    };
    format!("unknown {what} {shown:?}{more}{advice}")
}

/// `; did you mean "x"?` when one of `candidates` is near, else nothing.
pub(super) fn hint(word: &str, candidates: &[&str]) -> String {
    nearest(word, candidates.iter().copied()).map_or(String::new(), |name| format!("; did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_other_words_are_not() {
        let names = ["exposure", "invert", "haze", "depth_grade", "temperature", "ev"];
        let near = |w: &str| nearest(w, names);
        assert_eq!(near("exposre"), Some("exposure"));
        assert_eq!(near("Depth-Grade"), Some("depth_grade"));
        assert_eq!(near("hzae"), Some("haze"));
        assert_eq!(near("temp"), Some("temperature"));
        assert_eq!(near("e"), None);
        assert_eq!(near("ve"), Some("ev"));
        assert_eq!(near("id"), None);
        assert_eq!(near("sharpness"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"x".repeat(100_000)), None);
    }

    #[test]
    fn without_a_near_name_all_are_listed() {
        assert_eq!(unknown("key", "zzzz", &["a", "b"]), "unknown key \"zzzz\"; there is: a, b");
        assert_eq!(unknown("key", "bits\n", &["bits"]), "unknown key \"bits\\n\", did you mean \"bits\"?");
    }
}
