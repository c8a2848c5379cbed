//! How an array is cut into samples of an input.

/// The samples in an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// How many there are.
    pub(super) count: usize,
    /// The shape of each.
    pub(super) shape: Vec<usize>,
}

impl Cut {
    /// Returns the number of a sample's elements, which the array has been found to have.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Returns the samples that an array holds for an input whose lengths are `due`, `None` where any will do. The array is read, in this order, as
///
/// 1. samples along a first axis of its own, in front of all of the input's;
/// 2. samples along the input's first axis, where that is 1 or any, or as many together as it is long;
/// 3. one sample without the input's first axis, where that is 1 or any;
/// 4. samples along its first axis, whose other axes are those of the input split or merged, as rows of all elements are.
///
/// Axes in another order, as channels in front where the input has them last, are an error: as many elements are not the same ones.
pub(super) fn cut(due: Option<&[Option<usize>]>, array: &[usize]) -> Result<Cut, String> {
    let Some((&count, rest)) = array.split_first() else {
        return match due {
            None | Some([]) => Ok(Cut { count: 1, shape: Vec::new() }),
            Some(due) => Err(format!("it is a single number, and samples of {} are due", shown(due))),
        };
    };
    // What has no elements has no samples, however many its header claims.
    let count = if rest.contains(&0) { 0 } else { count };
    let with = |first: usize, rest: &[usize]| [&[first], rest].concat();
    let Some(due) = due else { return Ok(Cut { count, shape: with(1, rest) }) };
    if fits(due, rest) {
        return Ok(Cut { count, shape: rest.to_vec() });
    }
    if let Some((&first, due_rest)) = due.split_first() {
        match first.unwrap_or(1) {
            1 if fits(due_rest, rest) => return Ok(Cut { count, shape: with(1, rest) }),
            1 if fits(due_rest, array) => return Ok(Cut { count: 1, shape: with(1, array) }),
            batch if batch > 1 && fits(due_rest, rest) => {
                return if count % batch == 0 {
                    Ok(Cut { count: count / batch, shape: with(batch, rest) })
                } else {
                    Err(format!("its {count} rows cannot be given {batch} at a time, as the input {} is", shown(due)))
                };
            }
            _ => {}
        }
        let known: Option<Vec<usize>> = with_known_first(due);
        if let Some(known) = known
            && !rest.is_empty()
            && known.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)) == Some(rest.iter().product())
        {
            if is_finer(&known, rest) || is_finer(rest, &known) {
                return Ok(Cut { count, shape: known });
            }
            let due = shown(due);
            let hint = "are its axes in another order? Transpose it, or make each sample a row of all elements";
            return Err(format!(
                "its shape is {array:?}, and samples of {due} have as many elements in other axes; {hint}"
            ));
        }
    }
    Err(format!("its shape is {array:?}: no samples of {} along the first axis", shown(due)))
}

/// Returns the lengths, the first 1 where any will do, if all others are known.
fn with_known_first(due: &[Option<usize>]) -> Option<Vec<usize>> {
    due.iter().enumerate().map(|(axis, len)| len.or((axis == 0).then_some(1))).collect()
}

/// Returns whether axes are those of `coarse`, some of them split: in row-major order each element is where it was.
fn is_finer(fine: &[usize], coarse: &[usize]) -> bool {
    let ends = |lengths: &[usize]| -> Vec<usize> {
        let products = lengths.iter().scan(1_usize, |product, &len| {
            *product = product.saturating_mul(len);
            Some(*product)
        });
        products.collect()
    };
    let fine = ends(fine);
    ends(coarse).iter().all(|end| *end == 1 || fine.contains(end))
}

fn fits(due: &[Option<usize>], lengths: &[usize]) -> bool {
    due.len() == lengths.len() && due.iter().zip(lengths).all(|(due, len)| due.is_none_or(|due| due == *len))
}

/// Returns lengths in words.
fn shown(due: &[Option<usize>]) -> String {
    let lengths: Vec<String> = due.iter().map(|len| len.map_or("any".into(), |len| len.to_string())).collect();
    format!("[{}]", lengths.join(", "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn of(due: &[usize], array: &[usize]) -> Result<Cut, String> {
        // 0 stands for any length.
        let due: Vec<Option<usize>> = due.iter().map(|&len| (len > 0).then_some(len)).collect();
        cut(Some(&due), array)
    }

    fn samples(count: usize, shape: &[usize]) -> Cut {
        Cut { count, shape: shape.to_vec() }
    }

    #[test]
    fn samples_lie_along_the_first_axis() {
        assert_eq!(of(&[1, 28, 28, 1], &[100, 28, 28, 1]).unwrap(), samples(100, &[1, 28, 28, 1]));
        assert_eq!(of(&[0, 64], &[7, 64]).unwrap(), samples(7, &[1, 64]));
        assert_eq!(of(&[1, 28, 28, 1], &[100, 1, 28, 28, 1]).unwrap(), samples(100, &[1, 28, 28, 1]));
        assert_eq!(of(&[15600], &[3, 15600]).unwrap(), samples(3, &[15600]));
        assert_eq!(of(&[], &[3]).unwrap(), samples(3, &[]));
        assert_eq!(cut(None, &[3, 5]).unwrap(), samples(3, &[1, 5]));
        assert_eq!(cut(None, &[]).unwrap(), samples(1, &[]));
    }

    #[test]
    fn a_batch_is_given_together() {
        assert_eq!(of(&[4, 8], &[12, 8]).unwrap(), samples(3, &[4, 8]));
        assert_eq!(of(&[4, 8], &[3, 4, 8]).unwrap(), samples(3, &[4, 8]));
        assert!(of(&[4, 8], &[13, 8]).unwrap_err().contains("13 rows"));
    }

    #[test]
    fn a_sample_may_come_alone_or_in_another_shape() {
        assert_eq!(of(&[1, 28, 28, 1], &[28, 28, 1]).unwrap(), samples(1, &[1, 28, 28, 1]));
        assert_eq!(of(&[1, 0], &[5]).unwrap(), samples(1, &[1, 5]));
        assert_eq!(of(&[1, 8, 8, 1], &[9, 64]).unwrap(), samples(9, &[1, 8, 8, 1]));
        assert_eq!(of(&[0, 28, 28, 1], &[9, 28, 28]).unwrap(), samples(9, &[1, 28, 28, 1]));
    }

    #[test]
    fn axes_in_another_order_are_refused() {
        assert!(of(&[1, 3, 32, 32], &[5, 32, 32, 3]).unwrap_err().contains("another order"));
        assert!(of(&[0, 8, 8, 1], &[5, 4, 16, 1]).unwrap_err().contains("[5, 4, 16, 1]"));
        assert!(of(&[1, 16, 40], &[5, 40, 16]).unwrap_err().contains("[1, 16, 40]"));
        // Split or merged, elements are where they were; and so with axes of length 1.
        assert_eq!(of(&[1, 784], &[5, 28, 28]).unwrap(), samples(5, &[1, 784]));
        assert_eq!(of(&[1, 28, 28, 1], &[5, 1, 28, 28]).unwrap(), samples(5, &[1, 28, 28, 1]));
        assert_eq!(of(&[1, 28, 28, 3], &[5, 28, 84]).unwrap(), samples(5, &[1, 28, 28, 3]));
        assert_eq!(of(&[1, 6, 4], &[5, 2, 3, 4]).unwrap(), samples(5, &[1, 6, 4]));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_shape() {
        let error = of(&[1, 8, 8, 1], &[9, 63]).unwrap_err();
        assert!(error.contains("[9, 63]") && error.contains("[1, 8, 8, 1]"), "{error}");
        assert!(of(&[2, 3], &[]).is_err() && of(&[1, 8], &[8, 9]).is_err());
        assert!(of(&[1, 0, 3], &[4, 6]).is_err());
        assert_eq!(of(&[1, 8], &[0, 8]).unwrap(), samples(0, &[1, 8]));
        assert!(of(&[1, usize::MAX, usize::MAX], &[4, 6]).is_err());
    }
}
