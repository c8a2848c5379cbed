//! What holds of better weights, whatever they are.

use super::codes::Codes;
use super::coupling::Coupling;
use super::descent::{Row, descend};
use super::factor::Factor;
use super::feedback::{Choice, with_factor};
use super::moments::Moments;
use super::prune::mask;
use super::quadratic::{Quadratic, Shrinkage};
use super::solver::{Prepared, Task, cost_of, solve};
use ndarray::{Array1, Array2, ArrayView1};

const INT4: Codes = Codes { min: -7.0, max: 7.0 };
const SHRINKAGE: Shrinkage = Shrinkage { rho: 0.1, floor: 0.01 };

/// Numbers that look random, in −1..1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    fn weights(&mut self, rows: usize, len: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, len), |_| (self.next() * self.next()) as f32)
    }

    /// Inputs that have something in common, and are not negative: as after a ReLU.
    fn inputs(&mut self, count: usize, len: usize) -> Array2<f32> {
        let mut x = Array2::zeros((count, len));
        for mut row in x.rows_mut() {
            let mut last = 0.0;
            for x in &mut row {
                last = 0.8 * last + self.next();
                *x = last.max(0.0) as f32;
            }
        }
        x
    }
}

fn nearest(weights: &Array2<f32>, codes: Codes) -> Vec<Row> {
    let row = |row: ArrayView1<'_, f32>| {
        let largest = row.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
        let scale = (largest / codes.max as f32).max(f32::MIN_POSITIVE);
        Row { codes: row.iter().map(|w| codes.nearest(f64::from(w / scale))).collect(), scale }
    };
    weights.rows().into_iter().map(row).collect()
}

fn task(codes: Codes) -> Task<'static> {
    Task { codes, own_scales: true, descend: true, kept: None, threads: 1 }
}

fn moments(x: &Array2<f32>) -> Moments {
    let mut moments = Moments::new(x.ncols());
    moments.add(x.view());
    moments
}

fn total(h: &Quadratic, weights: &Array2<f32>, rows: &[Row]) -> Vec<f64> {
    cost_of(h, weights.mapv(f64::from).view(), rows)
}

#[test]
fn the_factor_multiplies_back() {
    for len in [1, 2, 7, 48, 49, 97, 200] {
        let h = Quadratic::of_moments(&moments(&Random(3).inputs(2 * len, len)), true, SHRINKAGE);
        let Quadratic::Matrix(h) = h else { panic!("moments are a matrix") };
        let factor = Factor::new(h.clone()).expect("it is positive definite");
        let lower = Array2::from_shape_fn((len, len), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater => factor.lower[[i, j]],
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Less => 0.0,
        });
        let back = lower.t().dot(&Array2::from_diag(&Array1::from(factor.pivots))).dot(&lower);
        let largest = h.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        assert!((&back - &h).iter().all(|x| x.abs() < 1e-12 * largest), "{len}");
    }
}

/// GPTQ as it is defined: after each element the later ones become what makes the best of it, by elimination.
fn by_definition(h: &Array2<f64>, weights: &Array1<f64>, scale: f64, codes: Codes) -> Vec<f64> {
    let len = h.nrows();
    let (mut now, mut chosen) = (weights.clone(), Vec::new());
    for j in 0..len {
        let code = codes.nearest(now[j] / scale);
        chosen.push(code);
        now[j] = code * scale;
        // Later errors f minimize the form for errors e so far: H_ff f = −H_fe e, by Gauss' elimination.
        let later = len - j - 1;
        let errors: Vec<f64> = (0..=j).map(|i| weights[i] - now[i]).collect();
        let mut system = Array2::<f64>::zeros((later, later + 1));
        for a in 0..later {
            for b in 0..later {
                system[[a, b]] = h[[j + 1 + a, j + 1 + b]];
            }
            system[[a, later]] = -(0..=j).map(|i| h[[j + 1 + a, i]] * errors[i]).sum::<f64>();
        }
        for a in 0..later {
            for row in 0..later {
                if row != a {
                    let factor = system[[row, a]] / system[[a, a]];
                    for column in a..=later {
                        let above = system[[a, column]];
                        system[[row, column]] -= factor * above;
                    }
                }
            }
        }
        for a in 0..later {
            now[j + 1 + a] = weights[j + 1 + a] - system[[a, later]] / system[[a, a]];
        }
    }
    chosen
}

#[test]
fn feedback_is_what_its_definition_says() {
    let mut random = Random(11);
    for len in [1, 5, 33, 70] {
        let (weights, x) = (random.weights(3, len), random.inputs(60, len));
        let Quadratic::Matrix(h) = Quadratic::of_moments(&moments(&x), true, SHRINKAGE) else {
            panic!("moments are a matrix")
        };
        let factor = Factor::new(h.clone()).expect("it is positive definite");
        let weights = weights.mapv(f64::from);
        let choice = Choice { codes: INT4, rate: None, kept: None };
        let rounded = with_factor(&factor, weights.t().to_owned().view(), &[0.1; 3], &choice);
        for (row, weights) in weights.rows().into_iter().enumerate() {
            let expected = by_definition(&h, &weights.to_owned(), 0.1, INT4);
            assert_eq!(rounded.codes.column(row).to_vec(), expected, "{len}");
            let error: Array1<f64> = weights.iter().zip(&expected).map(|(w, q)| w - 0.1 * q).collect();
            let cost = error.dot(&h.dot(&error));
            assert!((rounded.costs[row] - cost).abs() <= 1e-9 * cost, "{len}");
        }
    }
}

#[test]
fn sample_space_gives_the_same_codes() {
    let mut random = Random(5);
    for (len, count) in [(1, 1), (8, 3), (64, 20), (150, 40)] {
        let (weights, x) = (random.weights(5, len), random.inputs(count, len));
        let nearest = nearest(&weights, INT4);
        let moments = moments(&x);
        for centred in [false, true] {
            let mean = moments.mean();
            let samples = Quadratic::of_samples(x.view(), centred.then_some(&mean[..]), SHRINKAGE);
            let matrix = samples.matrix();
            let rows =
                |h: Quadratic| solve(&Prepared::new(h).expect("it can be used"), weights.view(), &nearest, task(INT4));
            let (a, b) = (rows(samples), rows(matrix));
            for (a, b) in a.iter().zip(&b) {
                assert_eq!((&a.codes, a.scale), (&b.codes, b.scale), "{len} {count}");
            }
        }
    }
}

#[test]
fn no_row_costs_more_than_rounding_to_the_nearest() {
    let mut random = Random(1);
    for codes in [INT4, Codes { min: -127.0, max: 127.0 }, Codes { min: -1.0, max: 1.0 }, Codes { min: -8.0, max: 7.0 }]
    {
        for (rows, len, count) in [(1, 1, 1), (4, 9, 2), (33, 40, 400), (3, 100, 10)] {
            let (mut weights, x) = (random.weights(rows, len), random.inputs(count, len));
            weights.row_mut(0).fill(0.0);
            let nearest = nearest(&weights, codes);
            let h = Quadratic::of_moments(&moments(&x), false, SHRINKAGE);
            let prepared = Prepared::new(h).expect("it can be used");
            for own_scales in [false, true] {
                let better = solve(&prepared, weights.view(), &nearest, Task { own_scales, ..task(codes) });
                let (now, before) = (total(&prepared.h, &weights, &better), total(&prepared.h, &weights, &nearest));
                assert!(now.iter().zip(&before).all(|(now, before)| now <= before));
                for (row, nearest) in better.iter().zip(&nearest) {
                    assert!(row.codes.iter().all(|&q| q >= codes.min && q <= codes.max && q.fract() == 0.0));
                    assert!(row.scale >= f32::MIN_POSITIVE && (own_scales || row.scale == nearest.scale));
                }
            }
        }
    }
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads() {
    let mut random = Random(9);
    let (weights, x) = (random.weights(130, 40), random.inputs(100, 40));
    let nearest = nearest(&weights, INT4);
    let prepared = Prepared::new(Quadratic::of_moments(&moments(&x), true, SHRINKAGE)).expect("it can be used");
    let rows = |threads| {
        let rows = solve(&prepared, weights.view(), &nearest, Task { threads, ..task(INT4) });
        rows.into_iter().map(|row| (row.codes, row.scale)).collect::<Vec<_>>()
    };
    let one = rows(1);
    assert!([2, 3, 7, 99].into_iter().all(|threads| rows(threads) == one));
}

#[test]
fn damping_ends_one_way_or_the_other() {
    // Two inputs that are the same, with next to nothing added.
    let x = Array2::from_shape_fn((50, 6), |(i, _)| i as f32);
    let none = Shrinkage { rho: 0.0, floor: 0.0 };
    assert!(Prepared::new(Quadratic::of_moments(&moments(&x), true, none)).is_some());
    // Inputs that are always 0.
    assert!(Prepared::new(Quadratic::of_moments(&moments(&Array2::zeros((50, 6))), true, none)).is_some());
    // A form that is negative is given up.
    assert!(Prepared::new(Quadratic::Matrix(-Array2::<f64>::eye(4))).is_none());
    assert!(Prepared::new(Quadratic::Matrix(Array2::from_elem((2, 2), f64::NAN))).is_none());
}

#[test]
fn the_order_of_samples_does_not_matter() {
    let mut random = Random(21);
    let (weights, x) = (random.weights(8, 30), random.inputs(64, 30));
    let nearest = nearest(&weights, INT4);
    let rows = |order: &[usize]| {
        let mut moments = Moments::new(30);
        for &sample in order {
            moments.add(x.select(ndarray::Axis(0), &[sample]).view());
        }
        let prepared = Prepared::new(Quadratic::of_moments(&moments, true, SHRINKAGE)).expect("it can be used");
        let rows = solve(&prepared, weights.view(), &nearest, task(INT4));
        rows.into_iter().map(|row| (row.codes, row.scale)).collect::<Vec<_>>()
    };
    let forwards: Vec<usize> = (0..64).collect();
    let backwards: Vec<usize> = (0..64).rev().collect();
    let mixed: Vec<usize> = (0..64).map(|i| i * 37 % 64).collect();
    assert_eq!(rows(&forwards), rows(&backwards));
    assert_eq!(rows(&forwards), rows(&mixed));
}

#[test]
fn descent_ends_where_no_single_code_and_no_scale_does_better() {
    let mut random = Random(31);
    let (weights, x) = (random.weights(4, 12), random.inputs(80, 12));
    let h = Quadratic::of_moments(&moments(&x), true, SHRINKAGE);
    let wide = weights.mapv(f64::from);
    let mut rows = nearest(&weights, INT4);
    // As often as it takes.
    for _ in 0..20 {
        descend(&h, wide.view(), &mut rows, INT4, true, false);
    }
    let best = total(&h, &weights, &rows);
    for (at, row) in rows.iter().enumerate() {
        let cost = |row: Row| {
            let mut others = rows.clone();
            others[at] = row;
            total(&h, &weights, &others)[at]
        };
        for k in 0..12 {
            for by in [-1.0, 1.0] {
                let mut other = row.clone();
                other.codes[k] = (other.codes[k] + by).clamp(-7.0, 7.0);
                assert!(cost(other) >= best[at] * (1.0 - 1e-9));
            }
        }
        for factor in [0.999, 1.001] {
            assert!(cost(Row { scale: row.scale * factor, ..row.clone() }) >= best[at] * (1.0 - 1e-9));
        }
    }
}

#[test]
fn what_does_not_stay_is_0_and_the_rest_makes_good_of_it() {
    let mut random = Random(41);
    let (weights, x) = (random.weights(12, 40), random.inputs(300, 40));
    let moments = moments(&x);
    let h = Quadratic::of_moments(&moments, true, SHRINKAGE);
    let kept = mask(&weights, &[h.diagonal()], 0.5);
    // Rounding to the nearest of what stays, and nothing else.
    let pruned = Array2::from_shape_fn(weights.dim(), |at| if kept[at] { weights[at] } else { 0.0 });
    let nearest = nearest(&pruned, INT4);
    let samples = Quadratic::of_samples(x.view(), Some(&moments.mean()), SHRINKAGE);
    for h in [h, samples] {
        let prepared = Prepared::new(h).expect("it can be used");
        let task = Task { kept: Some(kept.view()), ..task(INT4) };
        let rows = solve(&prepared, weights.view(), &nearest, task);
        for (row, kept) in rows.iter().zip(kept.rows()) {
            assert!(row.codes.iter().zip(kept).all(|(&q, &is_kept)| is_kept || q == 0.0));
        }
        let sum = |rows: &[Row]| total(&prepared.h, &weights, rows).iter().sum::<f64>();
        assert!(sum(&rows) < 0.6 * sum(&nearest), "{} of {}", sum(&rows), sum(&nearest));
    }
}

/// tr(G E H Eᵀ).
fn coupled_cost(g: &Array2<f64>, h: &Quadratic, weights: &Array2<f64>, rows: &[Row]) -> f64 {
    let mut errors = weights.clone();
    for (mut error, row) in errors.rows_mut().into_iter().zip(rows) {
        error.iter_mut().zip(&row.codes).for_each(|(e, q)| *e -= f64::from(row.scale) * q);
    }
    let products = h.product(errors.view()).dot(&errors.t());
    products.iter().zip(g).map(|(a, g)| a * g).sum()
}

#[test]
fn rows_that_share_few_outputs_make_good_of_each_other() {
    let mut random = Random(51);
    let (weights, x) = (random.weights(40, 30), random.inputs(200, 30));
    let wide = weights.mapv(f64::from);
    let nearest = nearest(&weights, INT4);
    let scales: Vec<f32> = nearest.iter().map(|row| row.scale).collect();
    for h in [
        Quadratic::of_moments(&moments(&x), true, SHRINKAGE),
        Quadratic::of_samples(x.view(), Some(&moments(&x).mean()), SHRINKAGE),
    ] {
        let prepared = Prepared::new(h).expect("it can be used");
        let alone = solve(&prepared, weights.view(), &nearest, task(INT4));
        // Four outputs, which all rows add to.
        let j = random.weights(4, 40).mapv(f64::from);
        let g = j.t().dot(&j);
        let coupling = Coupling::new(g.clone()).expect("there is something to lose");
        let coupled = coupling.solve(&prepared, &wide, &scales, task(INT4));
        let cost = |rows: &[Row]| coupled_cost(&g, &prepared.h, &wide, rows);
        assert!(cost(&coupled) < 0.6 * cost(&alone), "{} of {}", cost(&coupled), cost(&alone));
        // Rows that have nothing to do with each other are chosen by themselves.
        let own = Coupling::new(Array2::eye(40)).expect("there is something to lose");
        let own = own.solve(&prepared, &wide, &scales, task(INT4));
        let same = own.iter().zip(&alone).filter(|(a, b)| (&a.codes, a.scale) == (&b.codes, b.scale)).count();
        assert!(same >= 38, "{same} of 40");
    }
    assert!(Coupling::new(Array2::zeros((3, 3))).is_none());
    assert!(Coupling::new(Array2::from_elem((3, 3), f64::NAN)).is_none());
}

#[test]
fn rows_with_inputs_of_their_own_make_good_of_each_other() {
    let mut random = Random(61);
    let (weights, x) = (random.weights(12, 9), random.inputs(500, 108));
    let (wide, nearest) = (weights.mapv(f64::from), nearest(&weights, INT4));
    let second = moments(&x).second(true) + Array2::<f64>::eye(108) * 1e-3;
    let j = random.weights(2, 12).mapv(f64::from);
    let coupling = Coupling::new(j.t().dot(&j)).expect("there is something to lose");
    let coupled = coupling.solve_separate(&second, &wide, &nearest, INT4).expect("it can be used");
    let cost = |rows: &[Row]| {
        let error = |at: usize| wide[[at / 9, at % 9]] - f64::from(rows[at / 9].scale) * rows[at / 9].codes[at % 9];
        let of = |row: usize| Array1::from_shape_fn(108, |at| j[[row, at / 9]] * error(at));
        (0..2).map(|row| of(row).dot(&second.dot(&of(row)))).sum::<f64>()
    };
    assert!(cost(&coupled) < 0.6 * cost(&nearest), "{} of {}", cost(&coupled), cost(&nearest));
    assert!(coupled.iter().zip(&nearest).all(|(a, b)| a.scale == b.scale));
}

#[test]
fn what_is_divided_by_a_form_multiplies_back() {
    let mut random = Random(71);
    let (v, x) = (random.weights(5, 60).mapv(f64::from), random.inputs(90, 60));
    let matrix = Quadratic::of_moments(&moments(&x), true, SHRINKAGE);
    for h in [matrix, Quadratic::of_samples(x.view(), None, SHRINKAGE)] {
        let prepared = Prepared::new(h).expect("it can be used");
        let back = prepared.h.product(prepared.divided(v.view()).expect("it can be divided by").view());
        assert!(back.iter().zip(&v).all(|(a, b)| (a - b).abs() < 1e-8));
    }
}
