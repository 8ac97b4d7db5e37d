//! Puts the templates of `ft code` into the program.

fn main() {
    minijinja_embed::embed_templates!("src/code/template", &[".j2"]);
}
