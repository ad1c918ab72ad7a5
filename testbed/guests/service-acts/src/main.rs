//! A long-running component that ends as the variable `ACT` says: `done`, `fail`, `trap`, or never.

fn main() {
    eprintln!("service started");
    match std::env::var("ACT").as_deref() {
        Ok("done") => {}
        Ok("fail") => {
            eprintln!("service fails");
            std::process::exit(1);
        }
        Ok("trap") => std::process::abort(),
        _ => loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        },
    }
}
