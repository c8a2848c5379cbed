//! 2:4 sparsity: of every four neighbours two are zero.

use alloc::vec::Vec;

/// Returns which weights stay: of each four neighbours the two whose loss would cost the most, `importance · x²`, the first of equal
/// ones. A last group of fewer than four keeps two, too; NaN counts most of all.
///
/// `importance` is one number for each column and is repeated for every row; without it all count alike.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::two_of_four;
///
/// assert_eq!(two_of_four(&[1.0, -3.0, 0.5, 2.0], None), [false, true, false, true]);
/// assert_eq!(two_of_four(&[1.0, -3.0, 0.5, 2.0], Some(&[100.0, 1.0, 1.0, 1.0])), [true, true, false, false]);
/// ```
pub fn two_of_four(x: &[f32], importance: Option<&[f32]>) -> Vec<bool> {
    let mut mask = Vec::with_capacity(x.len());
    for (group, x) in x.chunks(4).enumerate() {
        let mut cost = [f32::NEG_INFINITY; 4];
        for (i, (cost, x)) in cost.iter_mut().zip(x).enumerate() {
            let w = importance.filter(|w| !w.is_empty()).map_or(1.0, |w| w[(4 * group + i) % w.len()]);
            let own = w * x * x;
            *cost = if own.is_nan() { f32::INFINITY } else { own };
        }
        // Kept, if fewer than two others cost more, or as much and come first.
        mask.extend((0..x.len()).map(|i| {
            let before = |j: &usize| cost[*j] > cost[i] || (cost[*j] == cost[i] && *j < i);
            (0..x.len()).filter(before).count() < 2
        }));
    }
    mask
}
