//! Calibration at scale: more samples than one machine runs in the time there is.
//!
//! # Why parts are as good as the whole
//!
//! What is kept of a value is a sum of what each sample adds: extremes, counts in bins that are the same everywhere, sums in integers. Such
//! a state is small whatever was observed, and two of them merge without rounding. So samples may be shared out as one likes and run in
//! any order: merged statistics are **the same, bit for bit**, as those of one machine that saw everything, and so is the model that is
//! made of them. A moving average alone follows the order of samples, and merging refuses it.
//!
//! ```
//! use ndarray::{Array2, Axis};
//! use tensor_quant::calibration::Statistics;
//! use tensor_quant::range::AnyEstimator;
//!
//! let samples = Array2::from_shape_fn((64, 500), |(i, j)| ((i * 500 + j) as f32 * 0.37).sin() * (i as f32 + 1.0));
//! let machine = |rows: std::ops::Range<usize>| -> tensor_quant::Result<_> {
//!     let mut statistics = Statistics::new("percentile 99.9".parse::<AnyEstimator>()?);
//!     for row in rows {
//!         statistics.observe("relu1", &samples.index_axis(Axis(0), row).into_dyn(), true)?;
//!         statistics.count_samples(1);
//!     }
//!     Ok(statistics)
//! };
//! let mut merged = machine(50..64)?;
//! merged.merge(&machine(0..50)?)?;
//! assert_eq!(merged.to_json()?, machine(0..64)?.to_json()?);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # On one machine
//!
//! ```text
//! tensor-quant calibrate model.tflite --data samples --estimator mse --out statistics.json
//! tensor-quant quantize model.tflite int8.tflite --recipe int8 --calibration statistics.json
//! ```
//!
//! # On many, with what is there
//!
//! Whatever hands out work will do: each task runs `calibrate` on its samples and leaves a file, and `calibrate merge` puts the files
//! together. A task that is run again writes the same file. The model's hash is in each, so that those of two models are not merged.
//!
//! A shell loop over machines, which share a folder:
//!
//! ```sh
//! while read -r host; do
//!     ssh -n "$host" tensor-quant calibrate /shared/model.tflite --data /local/samples --estimator mse \
//!         --out "/shared/parts/$host.json" --force &
//! done <hosts
//! wait
//! tensor-quant calibrate merge /shared/parts/*.json --out statistics.json
//! ```
//!
//! Spark:
//!
//! ```python
//! import glob, subprocess
//! from pyspark.sql import SparkSession
//!
//! def calibrate(shard):
//!     out = shard + ".json"
//!     subprocess.run(["tensor-quant", "calibrate", "/shared/model.tflite", "--data", shard,
//!                     "--estimator", "mse", "--out", out, "--force"], check=True)
//!     return out
//!
//! shards = sorted(glob.glob("/shared/samples/*.npz"))
//! spark = SparkSession.builder.getOrCreate().sparkContext
//! files = spark.parallelize(shards, len(shards)).map(calibrate).collect()
//! subprocess.run(["tensor-quant", "calibrate", "merge", *files, "--out", "statistics.json"], check=True)
//! ```
//!
//! Ray:
//!
//! ```python
//! import glob, ray, subprocess
//!
//! @ray.remote(max_retries=3)
//! def calibrate(shard):
//!     out = shard + ".json"
//!     subprocess.run(["tensor-quant", "calibrate", "/shared/model.tflite", "--data", shard,
//!                     "--estimator", "mse", "--out", out, "--force"], check=True)
//!     return out
//!
//! files = ray.get([calibrate.remote(shard) for shard in glob.glob("/shared/samples/*.npz")])
//! subprocess.run(["tensor-quant", "calibrate", "merge", *files, "--out", "statistics.json"], check=True)
//! ```
//!
//! # On activations that are there already
//!
//! Where a model's values are in Parquet, written by whoever ran it, nothing needs to be run again. The package `distributed` of the
//! repository has the same states as aggregate functions of SQL, for the engines `DataFusion` and Ballista:
//!
//! ```sql
//! SELECT name, tq_params(values, 'u8 affine, percentile 99.9') FROM 'activations/*.parquet' GROUP BY name
//! ```
//!
//! and a command for the whole job, from arrays (`calibrate --dump` writes some) to the statistics that `quantize` reads:
//!
//! ```text
//! tensor-quant calibrate model.tflite --data samples --dump activations
//! tensor-quant-distributed pack activations --out activations.parquet
//! tensor-quant-distributed calibrate activations.parquet --model model.tflite --estimator mse --out statistics.json
//! tensor-quant quantize model.tflite int8.tflite --recipe int8 --calibration statistics.json
//! ```
//!
//! The third runs on all cores, in memory that does not grow with the number of rows; of parts on several machines, `calibrate merge`
//! puts the files together as above.
//!
//! On machines that see the same files, the engine Ballista shares out the work. Built with `--features cluster`, the program is its
//! scheduler and its executors, too, which know the functions:
//!
//! ```text
//! tensor-quant-distributed scheduler 10.0.0.1:50050
//! tensor-quant-distributed executor 10.0.0.2:50051 --scheduler 10.0.0.1:50050
//! tensor-quant-distributed calibrate /shared/activations --cluster df://10.0.0.1:50050 --tasks 1000 --out statistics.json
//! ```
//!
//! An executor that is lost changes nothing but the time: `distributed/check cluster` runs two and kills one, and compares the file with that of
//! one thread, byte for byte.
//!
//! # What it costs
//!
//! On one core of an Intel Xeon with AVX-512 (Sapphire Rapids), beside other work:
//!
//! ```text
//! cd distributed && cargo run --release --example speed
//! ```
//!
//! | state of a value | GB/s observed, 2 MiB at a time | bytes as JSON, of 4 million values from a bell; behind a ReLU | ms to write, to read, to merge |
//! | --- | ---: | ---: | ---: |
//! | min-max | 51 | 82; 76 | 0.00, 0.00, 0.00 |
//! | mean ± k · σ | 9.8 | 461; 455 | 0.00, 0.00, 0.00 |
//! | percentile, mse, entropy, octav, Lp norm | 4.3 | 120,000; 57,000 | 0.3, 0.8, 0.2 |
//!
//! As functions of SQL, with all that an engine does around them, a core does 6.7 GB/s of `tq_min_max` and 1.9 to 2.3 of what counts in a histogram,
//! where arrays are in memory. Parquet is read with .2 GB/s, lists being what takes the time; two gigabytes of it take 420 MiB of memory on two
//! threads, as much as half a gigabyte does (`distributed/README.md` has all figures).
//!
//! A state grows with the number of bins that have values in them, and not with the number of values: 46,000 bytes of 4,096 values from that
//! bell, 75,000 of 65,536.
//!
//! **10 TB of activations on 1,000 machines**, on paper. 10 GB a machine, in files: one core counts them in a histogram in 2.3 s, and a disk
//! of 1 GB/s gives them in 10. If the model has 200 values, a machine then hands on 200 states, 24 MB; all of them 24 GB, 0.24 % of the
//! data. One `calibrate merge` of all 1,000 files reads and merges 200,000 states in 1.0 ms each: 200 s on a core. Merged by 32 and the
//! results again, on the machines themselves, it is 200 · 32 · 1.0 ms twice, 13 s; an engine of queries, which brings the states of a value
//! to one task, takes 1,000 · 1.0 ms for each value, on as many cores as there are. Running the model to get 10 TB of values takes far
//! longer than all of that.
