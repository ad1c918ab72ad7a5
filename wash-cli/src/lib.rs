//! wash-cli
