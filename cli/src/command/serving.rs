//! `set-default`, `set-off` and `salt`: what a flag serves without rules, and what buckets are computed from.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::serve::Serve;

use crate::args::configure::{SaltArgs, SetDefaultArgs, SetOffArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::percent::Percent;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::serve::{ServeView, words_of};

/// The shares of a split, in thousandths of a percent.
const WHOLE: u32 = 100_000;

pub(crate) async fn set_default(args: SetDefaultArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let serve = serve(&args.serve, args.bucket_by)?;
    let words = words_of(ServeView::of(Some(&serve)).as_ref());
    let deed = format!("let {} serve {words}", args.flag);
    let change = v1::SetDefaultServe {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        serve: Some(serve),
    };
    let told = Told::here(Subject::Flag(args.flag), "set-default", deed);
    submit(Submission::of(Change::SetDefaultServe(change), told), args.write, session).await
}

fn serve(words: &[String], bucket_by: Option<String>) -> Result<v1::Serve, Failure> {
    if let [variant] = words
        && !variant.contains('=')
    {
        if bucket_by.is_some() {
            return Err(Failure::Usage("--bucket-by: one variant for everybody needs no buckets".to_owned()));
        }
        return Ok(v1::Serve { serve: Some(Serve::Variant(variant.clone())) });
    }
    let weights = words.iter().map(|text| weighted(text)).collect::<Result<Vec<_>, _>>()?;
    let sum: u64 = weights.iter().map(|share| u64::from(share.weight)).sum();
    if sum != u64::from(WHOLE) {
        let sum = u32::try_from(sum)
            .map_or_else(|_error| "too much".to_owned(), |sum| Percent::of_thousandths(sum).to_string());
        return Err(Failure::Usage(format!("the shares add up to {sum}, not to 100%")));
    }
    let split = v1::Split { weights, bucket_by: bucket_by.unwrap_or_default() };
    Ok(v1::Serve { serve: Some(Serve::Split(split)) })
}

fn weighted(text: &str) -> Result<v1::WeightedVariant, Failure> {
    let complaint = |why: String| Failure::Usage(format!("{text}: {why}"));
    let (variant, percent) = text.split_once('=').ok_or_else(|| {
        complaint("expected one VARIANT, or VARIANT=PERCENT for each of several".to_owned())
    })?;
    let percent: Percent = percent.parse().map_err(complaint)?;
    Ok(v1::WeightedVariant { variant: variant.to_owned(), weight: percent.thousandths() })
}

pub(crate) async fn set_off(args: SetOffArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("let {} serve {} while it is off", args.flag, args.variant);
    let change = v1::SetOffVariant {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        variant: args.variant,
    };
    let told = Told::here(Subject::Flag(args.flag), "set-off", deed);
    submit(Submission::of(Change::SetOffVariant(change), told), args.write, session).await
}

pub(crate) async fn salt(args: SaltArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = match &args.salt {
        Some(salt) => format!("let {} be bucketed by {salt}", args.flag),
        None => format!("let {} be bucketed by its key", args.flag),
    };
    if args.salt.as_ref().is_some_and(String::is_empty) {
        return Err(Failure::Usage("an empty salt: to bucket by the flag's key use --clear".to_owned()));
    }
    let change = v1::SetSalt {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        salt: args.salt.unwrap_or_default(),
    };
    let told = Told::here(Subject::Flag(args.flag), "salt", deed);
    submit(Submission::of(Change::SetSalt(change), told), args.write, session).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expected: Result<&str, &str>) {
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        let served = serve(&words, None).map(|serve| words_of(ServeView::of(Some(&serve)).as_ref()));
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(served.map_err(|failure| failure.message()), expected);
    }

    #[test]
    fn one_variant_or_shares_that_add_up() {
        check(&["small"], Ok("small"));
        check(&["small=30", "large=70%"], Ok("30% small, 70% large"));
        check(&["small=100"], Ok("100% small"));
        check(&["small=30", "large=60"], Err("the shares add up to 90%, not to 100%"));
        check(
            &["small=30", "large"],
            Err("large: expected one VARIANT, or VARIANT=PERCENT for each of several"),
        );
        check(
            &["small=many"],
            Err("small=many: expected 0 to 100 with at most three decimals, such as 25, 25% or 12.5"),
        );
    }
}
