use proptest::prelude::*;

use super::*;

fn codes(settings: &PasswordSettings, text: &str, person: &PersonalTerms) -> Vec<&'static str> {
    unmet_rules(settings, &Password::new(text), person).into_iter().map(PolicyRule::code).collect()
}

fn plain() -> PasswordSettings {
    PasswordSettings { refuse_common: false, min_length: 1, ..PasswordSettings::default() }
}

#[test]
fn a_password_of_a_few_words_is_fine_by_default() {
    let person = PersonalTerms::new(&["ada@acme.example", "Ada", "Lovelace"]);
    assert!(codes(&PasswordSettings::default(), "correct horse battery", &person).is_empty());
    assert!(codes(&PasswordSettings::default(), "пароль из слов", &person).is_empty(), "all of Unicode");
    assert!(codes(&PasswordSettings::default(), &"x y".repeat(50), &person).is_empty(), "150 characters");
    assert_eq!(codes(&PasswordSettings::default(), &"x y".repeat(100), &person), ["max_length"]);
}

#[test]
fn what_many_people_use_is_refused_also_in_disguise() {
    let nobody = PersonalTerms::default();
    for text in ["password1234", "Password123!", "1qaz2wsx3edc", "QWERTYUIOP", "!!!!butterfly!"] {
        assert_eq!(codes(&PasswordSettings::default(), text, &nobody), ["common"], "{text}");
    }
    for text in ["butterfly of the north", "password-less since 1999"] {
        assert!(codes(&PasswordSettings::default(), text, &nobody).is_empty(), "{text}");
    }
}

#[test]
fn ones_own_name_is_no_password() {
    let person = PersonalTerms::new(&["ada.lovelace@acme.example", "Ada", "Lovelace"]);
    for text in ["lovelace1815", "Ada.Lovelace!", "adalovelace.a", "1234LOVELACE"] {
        assert!(codes(&PasswordSettings::default(), text, &person).contains(&"personal"), "{text}");
    }
    assert!(codes(&PasswordSettings::default(), "lovelace wrote the first program", &person).is_empty());
}

#[test]
fn each_switch_is_a_rule_of_its_own() {
    let nobody = PersonalTerms::default();
    let all = PasswordSettings {
        require_upper: true,
        require_lower: true,
        require_digit: true,
        require_special: true,
        min_length: 4,
        ..plain()
    };
    assert_eq!(
        codes(&all, "", &nobody),
        ["min_length", "require_upper", "require_lower", "require_digit", "require_special"]
    );
    assert!(codes(&all, "aB1 ", &nobody).is_empty(), "a space is neither letter nor digit");
    assert!(codes(&all, "äÖ٣-", &nobody).is_empty(), "letters and digits of every script");
}

#[test]
fn length_is_counted_after_composition() {
    let settings = PasswordSettings { min_length: 4, ..plain() };
    assert_eq!(
        codes(&settings, "e\u{301}e\u{301}e\u{301}", &PersonalTerms::default()),
        ["min_length"],
        "three letters"
    );
}

/// An independent implementation of the rules, as a person would check them one by one.
fn model(settings: &PasswordSettings, text: &str) -> Vec<&'static str> {
    let composed = Password::new(text);
    let chars: Vec<char> = composed.as_str().chars().collect();
    let mut out = Vec::new();
    if chars.len() < settings.min_length as usize {
        out.push("min_length");
    }
    if chars.len() > 256 {
        out.push("max_length");
    }
    let missing = |is: &dyn Fn(char) -> bool| !chars.iter().any(|c| is(*c));
    if settings.require_upper && missing(&|c| c.is_uppercase()) {
        out.push("require_upper");
    }
    if settings.require_lower && missing(&|c| c.is_lowercase()) {
        out.push("require_lower");
    }
    if settings.require_digit && missing(&|c| c.is_numeric()) {
        out.push("require_digit");
    }
    if settings.require_special && missing(&|c| !c.is_alphabetic() && !c.is_numeric()) {
        out.push("require_special");
    }
    out
}

proptest! {
    #[test]
    fn the_policy_agrees_with_the_model(
        text in "\\PC{0,300}", min_length in 1_u32..128,
        upper: bool, lower: bool, digit: bool, special: bool,
    ) {
        let settings = PasswordSettings {
            min_length, require_upper: upper, require_lower: lower, require_digit: digit, require_special: special,
            ..plain()
        };
        prop_assert_eq!(codes(&settings, &text, &PersonalTerms::default()), model(&settings, &text));
    }

    #[test]
    fn more_rules_never_forgive(text in "\\PC{0,40}", name in "[a-z]{3,8}") {
        let person = PersonalTerms::new(&[&name]);
        let strict = PasswordSettings::default();
        let lax = PasswordSettings { refuse_common: false, ..strict.clone() };
        let (strict, lax) = (codes(&strict, &text, &person), codes(&lax, &text, &person));
        prop_assert!(lax.iter().all(|code| strict.contains(code)));
    }

    #[test]
    fn ones_name_with_a_little_around_it_is_always_found(name in "[a-z]{4,10}", tail in "[0-9!]{0,7}") {
        let person = PersonalTerms::new(&[&format!("{name}@acme.example")]);
        let text = [name, tail].concat();
        prop_assert!(codes(&PasswordSettings::default(), &text, &person).contains(&"personal"));
    }

    #[test]
    fn the_estimate_never_breaks(text in "\\PC{0,400}") {
        let person = PersonalTerms::new(&["ada@acme.example"]);
        prop_assert!(crate::signin::password::strength(&Password::new(&text), &person).score <= 4);
    }
}
