//! Compiles `proto/` with protox, so that no protoc is needed on the machine.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

const FILES: [&str; 23] = [
    "mycelia/flags/v1/value.proto",
    "mycelia/flags/v1/flag.proto",
    "mycelia/flags/v1/segment.proto",
    "mycelia/flags/v1/feature.proto",
    "mycelia/flags/v1/measurement.proto",
    "mycelia/flags/v1/plan.proto",
    "mycelia/flags/v1/policy.proto",
    "mycelia/flags/v1/promotion.proto",
    "mycelia/flags/v1/guard.proto",
    "mycelia/flags/v1/change.proto",
    "mycelia/flags/v1/inspection.proto",
    "mycelia/flags/v1/admin_service.proto",
    "mycelia/flags/v1/sync_service.proto",
    "mycelia/flags/v1/evaluation_service.proto",
    "mycelia/flags/v1/observation.proto",
    "mycelia/flags/v1/telemetry_service.proto",
    "mycelia/flags/v1/plan_service.proto",
    "mycelia/flags/v1/promotion_service.proto",
    "mycelia/flags/v1/guard_service.proto",
    "mycelia/flags/v1/notification_service.proto",
    "flagd/evaluation/v1/evaluation.proto",
    "flagd/evaluation/v2/evaluation.proto",
    "flagd/sync/v1/sync.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    // Source information carries the comments (grpcurl's `describe` shows them); imports are needed by reflection.
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();

    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("mycelia_descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
