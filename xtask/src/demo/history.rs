//! The two repositories of the demonstration, with how they came about. Their files are in `xtask/demo/`, as
//! they are today; what they were earlier is in the folders beside them.

/// A repository, oldest commit first.
pub(super) struct History {
    /// Its folder's name, without `.git`.
    pub(super) name: &'static str,
    /// What happened.
    pub(super) commits: &'static [Commit],
}

/// One commit: only the files that it changed.
pub(super) struct Commit {
    /// Who.
    pub(super) author: &'static str,
    /// Seconds since 1970.
    pub(super) at: u64,
    /// Why.
    pub(super) message: &'static str,
    /// Paths with their new content.
    pub(super) files: &'static [(&'static str, &'static str)],
}

const MARA: &str = "Mara Lind <mara@example.org>";
const TOMAS: &str = "Tomás Vega <tomas@example.org>";
const IFE: &str = "Ife Adeyemi <ife@example.org>";

/// The text of a file under `xtask/demo/`.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../../demo/", $path))
    };
}

/// The issue's text.
pub(super) const ISSUE: &str = file!("issue.md");

/// The library, and the service that calls it.
pub(super) const REPOSITORIES: [History; 2] = [
    History {
        name: "tollgate",
        commits: &TOLLGATE,
    },
    History {
        name: "checkout",
        commits: &CHECKOUT,
    },
];

const TOLLGATE: [Commit; 6] = [
    Commit {
        author: MARA,
        at: 1_678_790_520,
        message: "Prices for parcels inside the country",
        files: &[
            ("Cargo.toml", file!("tollgate-history/Cargo-1.toml")),
            ("README.md", file!("tollgate-history/README-1.md")),
            ("src/lib.rs", file!("tollgate-history/lib-1.rs")),
        ],
    },
    Commit {
        author: TOMAS,
        at: 1_680_604_980,
        message: "Zones: Europe and the world\n\nThe tariff becomes a table, so that a new zone is a column.",
        files: &[
            ("src/lib.rs", file!("tollgate-history/lib-2.rs")),
            ("src/tariff.rs", file!("tollgate-history/tariff-2.rs")),
            ("src/zone.rs", file!("tollgate/src/zone.rs")),
        ],
    },
    Commit {
        author: MARA,
        at: 1_685_436_300,
        message: "Say why there is no price\n\nA parcel without weight and one over the limit are different mistakes.",
        files: &[
            ("src/lib.rs", file!("tollgate-history/lib-3.rs")),
            ("src/money.rs", file!("tollgate/src/money.rs")),
            ("src/tariff.rs", file!("tollgate-history/tariff-3.rs")),
            ("tests/quotes.rs", file!("tollgate-history/quotes-3.rs")),
        ],
    },
    Commit {
        author: IFE,
        at: 1_696_234_440,
        message: "A command line for the shop and the warehouse",
        files: &[
            ("CHANGELOG.md", file!("tollgate-history/CHANGELOG-3.md")),
            ("src/main.rs", file!("tollgate/src/main.rs")),
        ],
    },
    Commit {
        author: TOMAS,
        at: 1_709_042_760,
        message: "The total of several parcels",
        files: &[
            ("src/lib.rs", file!("tollgate/src/lib.rs")),
            ("src/tariff.rs", file!("tollgate/src/tariff.rs")),
            ("tests/quotes.rs", file!("tollgate/tests/quotes.rs")),
        ],
    },
    Commit {
        author: MARA,
        at: 1_709_128_080,
        message: "Release 0.4.0",
        files: &[
            ("CHANGELOG.md", file!("tollgate/CHANGELOG.md")),
            ("Cargo.toml", file!("tollgate/Cargo.toml")),
            ("README.md", file!("tollgate/README.md")),
        ],
    },
];

const CHECKOUT: [Commit; 6] = [
    Commit {
        author: IFE,
        at: 1_691_134_800,
        message: "Orders and what their goods cost",
        files: &[
            ("README.md", file!("checkout-history/README-1.md")),
            ("checkout/__init__.py", file!("checkout/checkout/__init__.py")),
            ("checkout/orders.py", file!("checkout-history/orders-1.py")),
            ("checkout/pricing.py", file!("checkout-history/pricing-1.py")),
            ("pyproject.toml", file!("checkout-history/pyproject-1.toml")),
        ],
    },
    Commit {
        author: IFE,
        at: 1_696_320_300,
        message: "Ask tollgate what shipping costs",
        files: &[
            ("README.md", file!("checkout/README.md")),
            ("checkout/api.py", file!("checkout-history/api-2.py")),
            ("checkout/pricing.py", file!("checkout-history/pricing-2.py")),
            ("checkout/tollgate.py", file!("checkout/checkout/tollgate.py")),
        ],
    },
    Commit {
        author: TOMAS,
        at: 1_696_407_060,
        message: "Tests that need no tollgate",
        files: &[
            ("tests/__init__.py", file!("checkout/tests/__init__.py")),
            (
                "tests/test_pricing.py",
                file!("checkout-history/test_pricing-3.py"),
            ),
        ],
    },
    Commit {
        author: MARA,
        at: 1_710_245_520,
        message: "Express: everything on one pallet by tomorrow\n\nThe haulier weighs in kilograms.",
        files: &[
            ("checkout/api.py", file!("checkout-history/api-4.py")),
            ("checkout/orders.py", file!("checkout/checkout/orders.py")),
            ("checkout/pricing.py", file!("checkout/checkout/pricing.py")),
        ],
    },
    Commit {
        author: TOMAS,
        at: 1_711_456_200,
        message: "An estimate on the product's page",
        files: &[
            ("checkout/api.py", file!("checkout/checkout/api.py")),
            ("tests/test_pricing.py", file!("checkout/tests/test_pricing.py")),
        ],
    },
    Commit {
        author: IFE,
        at: 1_711_540_020,
        message: "Release 2.3.1",
        files: &[("pyproject.toml", file!("checkout/pyproject.toml"))],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_history_has_its_order_and_several_authors() {
        for history in &REPOSITORIES {
            assert!(history.commits.len() >= 5, "{}", history.name);
            assert!(
                history.commits.windows(2).all(|pair| pair[0].at < pair[1].at),
                "{}",
                history.name
            );
            let mut authors: Vec<&str> = history.commits.iter().map(|c| c.author).collect();
            authors.sort_unstable();
            authors.dedup();
            assert!(authors.len() >= 2, "{}", history.name);
        }
    }

    #[test]
    fn the_issue_carries_rules() {
        assert_eq!(ISSUE.lines().filter(|line| *line == "```codemod").count(), 1);
    }
}
