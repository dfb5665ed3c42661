//! A tree as a flame graph in SVG, drawn by inferno; each unit has a colour of its own.

use inferno::flamegraph::{
    Direction, Options,
    color::{Color, PaletteMap},
    from_lines,
};
use tandem_evm::Unit;

use crate::{NodeKind, Tree};

impl Tree {
    /// The tree as a flame graph that can be clicked into and searched. `time` says that the weights
    /// are nanoseconds; else they are gas.
    ///
    /// # Errors
    /// If nothing in the tree weighs anything.
    pub fn to_svg(&self, time: bool) -> Result<String, String> {
        let mut palette = PaletteMap::default();
        for node in self.nodes() {
            palette.insert(node.label.clone(), color(node.kind));
        }
        let mut options = Options::default();
        options.title = self.nodes()[0].label.clone();
        options.subtitle =
            Some(concat!("tandem-gas-svg/1, tandem ", env!("CARGO_PKG_VERSION")).into());
        options.count_name = if time { "ns" } else { "gas" }.into();
        options.name_type = "What:".into();
        options.direction = Direction::Inverted;
        options.palette_map = Some(&mut palette);
        options.deterministic = true;
        options.image_width = Some(1200);
        options.min_width = 0.05;
        let folded = self.to_folded();
        let mut svg = Vec::new();
        from_lines(&mut options, folded.lines(), &mut svg).map_err(|error| error.to_string())?;
        String::from_utf8(svg).map_err(|error| error.to_string())
    }
}

const fn color(kind: NodeKind) -> Color {
    let (r, g, b) = match kind {
        NodeKind::Root => (222, 222, 222),
        NodeKind::Call => (196, 205, 218),
        NodeKind::Other => (232, 226, 208),
        NodeKind::Work(unit) => match unit {
            Unit::Glue => (178, 178, 170),
            Unit::State => (110, 160, 226),
            Unit::Log => (96, 190, 190),
            Unit::Hash => (232, 184, 88),
            Unit::Signature => (196, 140, 214),
            Unit::Modexp => (226, 132, 132),
            _ => (132, 192, 120),
        },
    };
    Color { r, g, b }
}
