//! Whatever goes wrong in between, the end is the same: nothing doubled, nothing lost, nothing left behind. The API
//! server is the embedded one, which costs no process, and once the real one; `end` shows what is checked.

mod crash;
mod cut;
mod end;
mod ground;
mod journey;
mod network;
mod town;
