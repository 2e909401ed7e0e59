//! `tollgate quote WEIGHT ZONE`: prints the price in cents.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match price(&words) {
        Ok(cents) => {
            println!("{cents}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("tollgate: {why}");
            ExitCode::from(2)
        }
    }
}

fn price(words: &[String]) -> Result<u64, String> {
    let [verb, weight, zone] = words else {
        return Err("usage: tollgate quote WEIGHT ZONE".to_owned());
    };
    if verb != "quote" {
        return Err(format!("there is no command `{verb}`"));
    }
    let weight = weight
        .parse()
        .map_err(|_| format!("`{weight}` is not a weight"))?;
    let cents = tollgate::quote(weight, zone.parse()?).map_err(|e| e.to_string())?;
    Ok(cents.cents())
}
