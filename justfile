# The everyday tasks, each a line over `cargo xtask`, which works without `just` too.

# List the tasks
default:
    @just --list

# Check what is needed and install the web UI's packages
setup:
    cargo xtask setup

# Build UI, server and CLI
build:
    cargo xtask build

# Build everything and start the server
run:
    cargo xtask run

# Start server and UI, both renewed when their sources change
dev:
    cargo xtask dev

# Run every check and test
test *ARGUMENTS:
    cargo xtask test {{ARGUMENTS}}

# Remove what was built or installed
clean:
    cargo xtask clean
