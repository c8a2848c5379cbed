//! Takes a `.tflite` file apart and puts it together again: the copy computes what the original computes, bit for bit.
//!
//! ```text
//! cargo run --release --features tflite --example copy_tflite -- IN.tflite OUT.tflite
//! ```

use tensor_quant::model::tflite::Model;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("name a file to read and one to write".into());
    };
    let model = Model::open(input)?;
    for constant in model.constants() {
        let users: Vec<&str> = constant.uses.iter().map(|used| used.name.as_str()).collect();
        println!("{} {:?} {}, used by {users:?}", constant.name, constant.shape, constant.element_type);
    }
    model.save(output)?;
    Ok(())
}
