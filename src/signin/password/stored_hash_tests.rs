use super::*;

fn matches(hash: &str, password: &str) -> bool {
    StoredHash::parse(hash)
        .unwrap_or_else(|e| panic!("{hash} {e}"))
        .matches(&Password::new(password), &mut Arena::default())
}

/// Hashes of "correct horse battery" that other programs made (Python's passlib, argon2-cffi, bcrypt and
/// hashlib).
const FOREIGN: &[&str] = &[
    "$2b$06$0LYuvMftHx/4EQTCOT0jZ.DZ0Dl6sB/jdavz3VU7lFy9/2RjPp0wK",
    "$2y$05$iSc8sWpSeEHnUn1dD3XJmO4xagyDxKqlN5HbsjcbpdBNJCv9QTzUy",
    "$2a$05$onT7nUSjVAbEmTjIPe2Z2uxBhPe/mU2PoEHwK7ZQ4VB0RfHjmiRde",
    "$pbkdf2-sha256$1000$AgBgrLW2tnbOmbNWyhnDuA$Db.mgyMznFbw6QdQlU7Kh/x0Q0FP31yEnamvibzPVco",
    "$pbkdf2-sha512$1000$vhfCGCOklJIyRgjB.H/vnQ$CkgwahO5yO42/x6FhcPntcVgMoPh1N0u9OSTcFPdlu37jZvp3uze.52ZNrW4mYxMs/3b/k0sNHf.p5Wt3GU.tA",
    "$pbkdf2-sha1$1000$3HtPCaEUgnBujXGutbY2hg$.gjncJ1wnpVGYXKyh5oLSC.zZRY",
    "$scrypt$ln=8,r=8,p=1$LWWMUUopBYAwJuRcq9VaCw$tW0/DvCEMgPWrCm/aX3zKb+ndHL3dTaJb6mBoqVW/SY",
    "{SSHA}cwRoncLy9roKUkGe/N2SLsj7xzd+rxVC",
    "{SSHA256}1k9M0Gj+XLVl/6n/pvqyQIux5ehkkR+i3E/9ZcENdmWKcW7tHUNojQ==",
    "{SSHA512}Wbw4eBSAHuZGn5Fp+fCowaacDSVT323mAFV/eOYbIMy2Ve5SEx3+F93VddJpXSmfFQtOoAA7ai7Scxv4GQNhNzSmFAIgxPh/",
    "{SHA}mN7MYuzjmaIu0w1JDvMzvn/ec4U=",
    "pbkdf2_sha256$1000$rz0ioyGyzOzz$jv2lE0i6t4KcwaXJqTooAebnuPTPpieA+F/uJ46oOc4=",
    "{PBKDF2-SHA256}1000$iLGWEoIQQghByJmztlbqPQ$epdAcxMC.G13DWIrxSf.MT3VyHZd2A3iQg2UtG3Vdpw",
    "{CRYPT}$2b$04$Z7ppxg02QbeZVY2Xthkqu.ouTQn.bS.4iPqOQs.CQp2EQ6P/6YJom",
    "$argon2id$v=19$m=1024,t=1,p=2$A+XCqFlkzq3mNtKMjOYkvg$nman38sf5G8k+p9Bb9clh7RG/rLiWmIr6SbJgOjNuH8",
    "$argon2i$v=19$m=512,t=1,p=1$EuZ2nw2lDDk4vB4NiUhFQQ$6irpfeVp08JucJWriceSEArcS/wzJ5DE0fnCLHXFTas",
    "{ARGON2}$argon2d$v=19$m=256,t=1,p=1$XBgU3UcO0nJQ+XTJ51c8yg$EHiXzf9pkW8M9/KS1HxCACcKTI3M1nuEO8lpdUTeU24",
    "$scrypt$ln=10,r=8,p=2$KTsV7dELjS6zF2T+qDOsgg$gHFzScHb77G1jJ+W162Z9BBLkyTKAkLU/KmYr3C12WE",
    "$pbkdf2-sha512$i=1000,l=64$KTsV7dELjS6zF2T+qDOsgg$TkQtafe+Y3RXUXEoTCrQ3vXmgVObbEqzc/MtDsJ+Rh/Vm6nBDoIhYqz40CHzLLT2Bf3gN+7NNy4q+/LrNiWX0g",
];

#[test]
fn hashes_of_other_systems_are_checked() {
    for hash in FOREIGN {
        assert!(matches(hash, "correct horse battery"), "{hash}");
        assert!(!matches(hash, "correct horse batterz"), "{hash}");
        assert!(!StoredHash::parse(hash).expect("parses").is_current(), "{hash} is replaced at sign-in");
    }
}

#[test]
fn what_cannot_be_checked_says_why() {
    for (hash, why) in [
        ("", "form"),
        ("correct horse battery", "form"),
        ("{MD5}rL0Y20zC+Fzt72VPzMSk2A==", "form"),
        ("{SSHA}AAAA", "valid"),
        ("{SSHA", "form"),
        ("$2b$12$short", "valid"),
        ("$2b$31$abcdefghijklmnopqrstuuWy8Jw3mQmO7h1mKqjE7b5pZ7h1mKqjE", "cost"),
        ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ", "valid"),
        (
            "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "cost",
        ),
        ("$scrypt$ln=30,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cost"),
        ("$scrypt$ln=255,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cost"),
        ("$pbkdf2-sha256$99999999$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cost"),
        ("$pbkdf2-md5$1000$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA", "form"),
        ("$pbkdf2-sha256$0$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "valid"),
    ] {
        let reason = StoredHash::parse(hash).err().unwrap_or_else(|| panic!("{hash} was taken"));
        assert!(reason.contains(why), "{hash}: {reason}");
    }
}

#[test]
fn a_foreign_hash_of_the_keys_as_they_came_is_found() {
    // "café" with a separate accent, hashed by a system that does not compose.
    let mut context = digest::Context::new(&digest::SHA256);
    context.update("cafe\u{301}".as_bytes());
    let hash = format!("{{SHA256}}{}", BASE64.encode(context.finish()));
    assert!(matches(&hash, "cafe\u{301}"));
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}") {
        let _ = StoredHash::parse(&text);
    }

    #[test]
    fn no_text_like_a_hash_breaks_the_reader(
        kind in "(\\$argon2id|\\$2b|\\$scrypt|\\$pbkdf2-sha256|pbkdf2_sha256|\\{SSHA\\}|\\{PBKDF2\\})",
        rest in "[$,=0-9a-zA-Z+/.]{0,120}",
    ) {
        let _ = StoredHash::parse(&format!("{kind}{rest}"));
    }
}
