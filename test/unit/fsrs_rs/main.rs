//! Writes what the crate fsrs makes of random histories; histories.txt is `cargo run --release 250`.
//! A line: 21 parameters, then for each review "; rating days difficulty stability", days since the
//! one before. test/unit/test_learning_fsrs.c holds services/learning/model/fsrs.c to it.
//!
//! Left out is what the crate and py-fsrs (which ours is equal to) do not do alike: "hard" on the
//! same day (here it never lowers stability), and stabilities over 36,500 days (here cut).
use fsrs::{FSRSItem, FSRSReview, DEFAULT_PARAMETERS, FSRS};

struct Rng(u64);

impl Rng {
    /// xorshift64*; 0..n
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// Those of everybody, or each up to a tenth away; the 8th is at its bound.
fn parameters(rng: &mut Rng) -> Vec<f32> {
    let moved = rng.below(2) == 1;
    let one = |(i, w): (usize, &f32)| match moved && i != 7 {
        true => w * (0.9 + rng.below(2001) as f32 / 10000.0),
        false => *w,
    };
    DEFAULT_PARAMETERS.iter().enumerate().map(one).collect()
}

fn history(rng: &mut Rng) -> Vec<FSRSReview> {
    let n = 1 + rng.below(10);
    let one = |i| {
        let days = [0, 0, 1, 2, 5, 12, 30, 90, 200, 700][rng.below(10) as usize];
        let delta_t = if i == 0 { 0 } else { days };
        let rating = [1, 1, 2, 3, 3, 3, 3, 4][rng.below(8) as usize];
        let rating = if delta_t == 0 && i > 0 && rating == 2 { 3 } else { rating };
        FSRSReview { rating, delta_t }
    };
    (0..n).map(one).collect()
}

fn main() {
    let n: u64 = std::env::args().nth(1).map_or(250, |a| a.parse().expect("a count"));
    let mut rng = Rng(6);
    for _ in 0..n {
        let w = parameters(&mut rng);
        let reviews = history(&mut rng);
        let model = FSRS::new(&w).expect("parameters within their bounds");
        let states = model
            .historical_memory_states(FSRSItem { reviews: reviews.clone() }, None)
            .expect("finite states");
        let mut line: Vec<String> = vec![w.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")];
        for (r, s) in reviews.iter().zip(states) {
            if s.stability >= 36500.0 {
                break;
            }
            line.push(format!("{} {} {} {}", r.rating, r.delta_t, s.difficulty, s.stability));
        }
        println!("{}", line.join("; "));
    }
}
