//! The rules of the end of stream against every order of facts.
