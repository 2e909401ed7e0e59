//! Prices that customers have seen; they do not change by accident.

use tollgate::{quote, total, QuoteError, Zone, MAX_WEIGHT};

#[test]
fn a_step_ends_where_the_table_says() {
    assert_eq!(quote(500, Zone::Domestic).unwrap().cents(), 390);
    assert_eq!(quote(501, Zone::Domestic).unwrap().cents(), 590);
    assert!(quote(MAX_WEIGHT, Zone::World).is_ok());
}

#[test]
fn what_can_not_be_sent_has_no_price() {
    assert_eq!(quote(0, Zone::Europe), Err(QuoteError::Weightless));
    assert_eq!(
        quote(31_501, Zone::Europe),
        Err(QuoteError::TooHeavy(31_501))
    );
}

#[test]
fn a_total_is_the_sum_of_each() {
    let each: u64 = [250, 850]
        .iter()
        .map(|w| quote(*w, Zone::Europe).unwrap().cents())
        .sum();
    assert_eq!(total(&[250, 850], Zone::Europe).unwrap().cents(), each);
}
