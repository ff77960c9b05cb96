use super::*;

#[test]
fn the_command_line_is_sound() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
