//! On whose machine we run, by what its firmware says: so that a metadata service is asked only where there is one.
//!
//! The folders are world-readable and seen from within containers. Where they are missing (gVisor, some ARM machines)
//! nothing is known, and the service is asked once with a second to answer. Elsewhere than on Linux it is not asked,
//! unless the environment or `cloud` says so.

use std::path::Path;

use super::host::Vendor;

/// Whether a metadata service may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    /// The machine is of this cloud.
    There,
    /// Nobody can tell.
    Unknown,
    /// The machine is somebody else's.
    Absent,
}

/// What the firmware says.
#[derive(Debug, Default, Clone)]
struct Firmware {
    vendor: String,
    product: String,
    bios: String,
    asset_tag: String,
    hypervisor: String,
}

/// The machine that we run on, if it says whose it is.
#[derive(Debug)]
pub(super) struct Machine(Option<Firmware>);

impl Machine {
    /// This one.
    pub(super) fn here() -> Self {
        if cfg!(target_os = "linux") {
            Self(Firmware::read(Path::new("/sys")))
        } else {
            Self(Some(Firmware::default()))
        }
    }

    /// One that is no cloud's.
    #[cfg(test)]
    pub(super) fn foreign() -> Self {
        Self(Some(Firmware::default()))
    }

    /// Whether the metadata service of a cloud is beside it.
    pub(super) fn metadata_of(&self, cloud: Vendor) -> Metadata {
        self.0
            .as_ref()
            .map_or(Metadata::Unknown, |firmware| firmware.metadata(cloud))
    }
}

impl Firmware {
    fn read(sys: &Path) -> Option<Self> {
        let get = |name: &str| {
            let text = std::fs::read_to_string(sys.join(name)).unwrap_or_default();
            text.trim().to_owned()
        };
        let found = Self {
            vendor: get("class/dmi/id/sys_vendor"),
            product: get("class/dmi/id/product_name"),
            bios: get("class/dmi/id/bios_version"),
            asset_tag: get("class/dmi/id/chassis_asset_tag"),
            hypervisor: get("hypervisor/uuid"),
        };
        let silent = found.vendor.is_empty() && found.product.is_empty() && found.hypervisor.is_empty();
        (!silent).then_some(found)
    }

    fn metadata(&self, cloud: Vendor) -> Metadata {
        let is = match cloud {
            // The older Xen machines say so in the BIOS or as hypervisor only.
            Vendor::Aws => {
                self.vendor.starts_with("Amazon EC2")
                    || self.bios.contains("amazon")
                    || self.hypervisor.to_ascii_lowercase().starts_with("ec2")
            }
            // The vendor alone would mean every Hyper-V and every laptop of Microsoft's.
            Vendor::Azure => self.asset_tag == "7783-7084-3265-9085-8269-3286-77",
            // The vendor alone would mean every Chromebook.
            Vendor::Google => self.product == "Google" || self.product.starts_with("Google Compute"),
        };
        if is { Metadata::There } else { Metadata::Absent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Option<Firmware> {
        let sys = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = sys.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Firmware::read(sys.path())
    }

    #[test]
    fn the_firmware_tells_the_clouds_apart() {
        let dmi = |name: &str| format!("class/dmi/id/{name}");
        let (vendor, product, bios, tag) = (
            dmi("sys_vendor"),
            dmi("product_name"),
            dmi("bios_version"),
            dmi("chassis_asset_tag"),
        );
        for (files, wanted) in [
            (vec![(vendor.as_str(), "Amazon EC2\n")], Some(Vendor::Aws)),
            (vec![(&vendor, "Xen"), (&bios, "4.11.amazon")], Some(Vendor::Aws)),
            (vec![("hypervisor/uuid", "ec2e1916-9099")], Some(Vendor::Aws)),
            (
                vec![
                    (&vendor, "Microsoft Corporation"),
                    (&tag, "7783-7084-3265-9085-8269-3286-77\n"),
                ],
                Some(Vendor::Azure),
            ),
            (
                vec![(&vendor, "Microsoft Corporation"), (&product, "Surface Laptop 5")],
                None,
            ),
            (
                vec![(&vendor, "Google"), (&product, "Google Compute Engine")],
                Some(Vendor::Google),
            ),
            (vec![(&vendor, "Google"), (&product, "Eve")], None),
            (vec![(&vendor, "LENOVO"), (&product, "21CB")], None),
        ] {
            let found = machine(&files).unwrap();
            for cloud in [Vendor::Aws, Vendor::Azure, Vendor::Google] {
                let expected = if wanted == Some(cloud) {
                    Metadata::There
                } else {
                    Metadata::Absent
                };
                assert_eq!(found.metadata(cloud), expected, "{files:?} {cloud:?}");
            }
        }
        assert!(machine(&[]).is_none());
    }
}
