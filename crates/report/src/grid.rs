//! Lines and columns of text for people: a label to the left, numbers to the right, at most 80 columns
//! wide, coloured if the reader's terminal can show it. What the numbers are is the caller's.

use tandem_evm::Unit;

/// The widest a table gets.
const WIDTH: usize = 80;

/// What a line is, from which follows how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The names of the columns.
    Header,
    /// One item.
    Plain,
    /// Work of a unit: the glue, or a coprocessor.
    Unit(Unit),
    /// A heading of items below it.
    Sum,
    /// Of less interest.
    Faint,
    /// The last line, which the others add up to.
    Total,
    /// More than before.
    Worse,
    /// Less than before.
    Better,
}

impl Style {
    /// The terminal's code for it; colours are of the terminal's own palette, so they can be read on
    /// any background.
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Header | Self::Faint => "2",
            Self::Sum | Self::Total => "1",
            Self::Worse => "31",
            Self::Better => "32",
            Self::Unit(unit) => match unit {
                Unit::Glue => "37",
                Unit::State => "34",
                Unit::Log => "36",
                Unit::Hash => "33",
                Unit::Signature => "35",
                _ => "32",
            },
        }
    }
}

/// Text in its style.
pub(crate) fn paint(style: Style, text: &str, colour: bool) -> String {
    match style.code() {
        code if colour && !code.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Grid {
    /// Least width of the label, then of the columns.
    widths: Vec<usize>,
    lines: Vec<(Style, Vec<String>)>,
}

impl Grid {
    /// A table with its columns' names and least widths, the label's first.
    pub(crate) fn new(columns: &[(&str, usize)]) -> Self {
        let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let widths = columns.iter().map(|(_, width)| *width).collect();
        Self { widths, lines: vec![(Style::Header, names)] }
    }

    pub(crate) fn line(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.lines.push((style, cells.into_iter().collect()));
    }

    /// The table. A label for which there is no room is shortened in its middle.
    pub(crate) fn render(&self, colour: bool) -> String {
        let mut widths = self.widths.clone();
        for (_, cells) in &self.lines {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        // One space before a column, two before the last.
        let others: usize = widths.iter().skip(1).map(|width| width + 1).sum::<usize>() + 1;
        widths[0] = widths[0].min(WIDTH.saturating_sub(others)).max(8);
        let mut text = String::new();
        for (style, cells) in &self.lines {
            let mut line = format!("{:width$}", shorten(&cells[0], widths[0]), width = widths[0]);
            for (place, (cell, width)) in cells.iter().zip(&widths).enumerate().skip(1) {
                let space = if place + 1 == widths.len() { 2 } else { 1 };
                line.push_str(&" ".repeat(space + width - cell.chars().count()));
                line.push_str(cell);
            }
            text.push_str(&paint(*style, line.trim_end(), colour));
            text.push('\n');
        }
        text
    }
}

/// The text if it fits, else its two ends.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let tail = width.saturating_sub(1) / 2;
    let head = width.saturating_sub(1) - tail;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_give_way_and_numbers_do_not() {
        let mut grid = Grid::new(&[("", 4), ("count", 8), ("gas", 11)]);
        let (name, gas) = ("x".repeat(100), "18,446,744,073,709,551,615");
        grid.line(Style::Plain, [name, "1".into(), gas.into()]);
        let text = grid.render(false);
        assert!(text.lines().all(|line| line.chars().count() == WIDTH), "{text}");
        assert!(text.contains('…') && text.contains(gas));
    }

    #[test]
    fn colour_is_only_around_a_line() {
        let mut grid = Grid::new(&[("", 4), ("gas", 4)]);
        grid.line(Style::Unit(Unit::State), ["a".into(), "1".into()]);
        let plain = grid.render(false);
        assert!(!plain.contains('\x1b'));
        let coloured = grid.render(true);
        assert_eq!(
            coloured.replace("\x1b[2m", "").replace("\x1b[34m", "").replace("\x1b[0m", ""),
            plain
        );
    }

    #[test]
    fn a_long_text_keeps_its_ends() {
        assert_eq!(shorten("abcdefgh", 8), "abcdefgh");
        assert_eq!(shorten("abcdefghi", 6), "abc…hi");
    }
}
