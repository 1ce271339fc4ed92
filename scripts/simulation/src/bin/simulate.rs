//! temporary
use std::time::Instant;
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    if a.len() == 1 {
        let o = correio_simulation::simulate(a[0], true);
        for l in &o.trace {
            println!("{l}");
        }
        println!("{:?} {}", o.violation, o.steps);
        return;
    }
    let t = Instant::now();
    let mut bad = 0;
    let mut steps = 0;
    for seed in a[0]..a[1] {
        let o = correio_simulation::simulate(seed, false);
        steps += o.steps;
        if let Some(v) = o.violation {
            bad += 1;
            if bad < 15 {
                println!("seed {seed}: {v}");
            }
        }
    }
    println!("{} bad, {} steps, {:?}", bad, steps, t.elapsed());
}
