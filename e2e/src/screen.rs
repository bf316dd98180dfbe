//! Pictures of the whole display.

use anyhow::{Context, Result};
use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
};
use x11rb::{
    connection::Connection,
    protocol::xproto::{ConnectionExt, ImageFormat},
};

/// Saves what the X display shows, as PNG.
pub fn save_screen(path: &Path) -> Result<()> {
    let (display, number) = x11rb::connect(None).context("cannot reach the X display")?;
    let screen = display.setup().roots.get(number).context("the X display has no screen")?;
    let (width, height) = (screen.width_in_pixels, screen.height_in_pixels);
    let image = display.get_image(ImageFormat::Z_PIXMAP, screen.root, 0, 0, width, height, u32::MAX)?.reply()?;
    // 24 bits of colour travel in four bytes: blue, green, red, and one that is not used.
    let pixels: Vec<u8> = image.data.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();

    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels).context("the display has not 24 bits of colour")?;
    Ok(())
}
