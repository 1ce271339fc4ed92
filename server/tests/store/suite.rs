//! The suite of tests that run with each store.

/// Runs the same tests with each store.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::super::support::Harness::memory()); })*
        }
        mod sqlite {
            $(#[test] fn $name() {
                let directory = tempfile::tempdir().unwrap();
                super::$name(&mut super::super::support::Harness::sqlite(directory.path()));
            })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(mut harness) = super::super::support::Harness::postgres() {
                    super::$name(&mut harness);
                }
            })*
        }
        mod sqlite_crashing {
            $(#[test] fn $name() {
                super::$name(&mut super::super::support::Harness::sqlite_crashing(1));
            })*
        }
        mod simulated {
            $(#[test] fn $name() { super::$name(&mut super::super::support::Harness::simulated()); })*
        }
        mod simulated_crashing {
            $(#[test] fn $name() {
                super::$name(&mut super::super::support::Harness::simulated_crashing(1));
            })*
        }
    };
}
