//! Which fork a chain is on: by its chain id for the public networks, by a genesis file's
//! configuration, or by what a block header shows.

use alloy_genesis::ChainConfig;
use tandem_evm::{BlobParams, Fork};

use crate::bundle::Header;

/// A public network: its forks by block number up to Paris, by time from then on.
struct Network {
    chain_id: u64,
    by_block: &'static [(u64, Fork)],
    by_time: &'static [(u64, Fork)],
    /// Changes of the blob parameters between forks (EIP-7892).
    blobs: &'static [(u64, BlobParams)],
}

const BPO1: BlobParams = BlobParams { max: 15, update_fraction: 8_346_193 };
const BPO2: BlobParams = BlobParams { max: 21, update_fraction: 11_684_671 };

static NETWORKS: [Network; 4] = [
    // Mainnet
    Network {
        chain_id: 1,
        by_block: &[
            (0, Fork::Frontier),
            (1_150_000, Fork::Homestead),
            (2_463_000, Fork::TangerineWhistle),
            (2_675_000, Fork::SpuriousDragon),
            (4_370_000, Fork::Byzantium),
            (7_280_000, Fork::Petersburg),
            (9_069_000, Fork::Istanbul),
            (12_244_000, Fork::Berlin),
            (12_965_000, Fork::London),
            (15_537_394, Fork::Paris),
        ],
        by_time: &[
            (1_681_338_455, Fork::Shanghai),
            (1_710_338_135, Fork::Cancun),
            (1_746_612_311, Fork::Prague),
            (1_764_798_551, Fork::Osaka),
        ],
        blobs: &[(1_765_290_071, BPO1), (1_767_747_671, BPO2)],
    },
    // Sepolia
    Network {
        chain_id: 11_155_111,
        by_block: &[(0, Fork::London), (1_450_409, Fork::Paris)],
        by_time: &[
            (1_677_557_088, Fork::Shanghai),
            (1_706_655_072, Fork::Cancun),
            (1_741_159_776, Fork::Prague),
            (1_760_427_360, Fork::Osaka),
        ],
        blobs: &[(1_761_017_184, BPO1), (1_761_607_008, BPO2)],
    },
    // Holesky
    Network {
        chain_id: 17_000,
        by_block: &[(0, Fork::Paris)],
        by_time: &[
            (1_696_000_704, Fork::Shanghai),
            (1_707_305_664, Fork::Cancun),
            (1_740_434_112, Fork::Prague),
            (1_759_308_480, Fork::Osaka),
        ],
        blobs: &[(1_759_800_000, BPO1), (1_760_389_824, BPO2)],
    },
    // Hoodi
    Network {
        chain_id: 560_048,
        by_block: &[(0, Fork::Cancun)],
        by_time: &[(1_742_999_832, Fork::Prague), (1_761_677_592, Fork::Osaka)],
        blobs: &[(1_762_365_720, BPO1), (1_762_955_544, BPO2)],
    },
];

/// Chain ids of development nodes (anvil and Hardhat; geth --dev), whose forks a header shows.
pub(crate) const DEVELOPMENT: [u64; 2] = [31_337, 1_337];

/// The fork of a chain at a block, if it is known.
pub(crate) fn fork(chain_id: u64, header: &Header) -> Option<Fork> {
    if DEVELOPMENT.contains(&chain_id) {
        return Some(shown(header));
    }
    let network = NETWORKS.iter().find(|network| network.chain_id == chain_id)?;
    let latest = |forks: &[(u64, Fork)], at: u64| {
        forks.iter().rev().find(|(since, _)| *since <= at).map(|(_, fork)| *fork)
    };
    latest(network.by_time, header.timestamp.0)
        .or_else(|| latest(network.by_block, header.number.0))
}

/// The newest fork whose header fields are all there. Osaka added none to Prague's.
fn shown(header: &Header) -> Fork {
    if header.requests_hash.is_some() {
        Fork::Osaka
    } else if header.has_blobs() {
        Fork::Cancun
    } else if header.withdrawals_root.is_some() {
        Fork::Shanghai
    } else if header.has_base_fee() {
        if header.has_difficulty() { Fork::London } else { Fork::Paris }
    } else {
        Fork::Berlin
    }
}

/// The blob parameters in force.
pub(crate) fn blob_params(fork: Fork, chain_id: u64, time: u64) -> BlobParams {
    let network = NETWORKS.iter().find(|network| network.chain_id == chain_id);
    let changes = network.map_or(&[][..], |network| network.blobs);
    match changes.iter().rev().find(|(since, _)| *since <= time) {
        Some((_, params)) if fork >= Fork::Osaka => *params,
        _ if fork >= Fork::Prague => BlobParams::PRAGUE,
        _ => BlobParams::CANCUN,
    }
}

/// The fork that a genesis file's configuration has at a block.
pub(crate) fn configured(config: &ChainConfig, number: u64, time: u64) -> Fork {
    let by_time = [
        (config.osaka_time, Fork::Osaka),
        (config.prague_time, Fork::Prague),
        (config.cancun_time, Fork::Cancun),
        (config.shanghai_time, Fork::Shanghai),
    ];
    let by_block = [
        (config.merge_netsplit_block, Fork::Paris),
        (config.terminal_total_difficulty_passed.then_some(0), Fork::Paris),
        (config.london_block, Fork::London),
        (config.berlin_block, Fork::Berlin),
        (config.istanbul_block, Fork::Istanbul),
        (config.petersburg_block, Fork::Petersburg),
        (config.constantinople_block, Fork::Constantinople),
        (config.byzantium_block, Fork::Byzantium),
        (config.eip158_block.or(config.eip155_block), Fork::SpuriousDragon),
        (config.eip150_block, Fork::TangerineWhistle),
        (config.homestead_block, Fork::Homestead),
    ];
    let on = |forks: &[(Option<u64>, Fork)], at: u64| {
        forks.iter().find(|(since, _)| since.is_some_and(|since| since <= at)).map(|it| it.1)
    };
    on(&by_time, time).or_else(|| on(&by_block, number)).unwrap_or(Fork::Frontier)
}

/// The blob parameters that a genesis file's configuration gives a fork.
pub(crate) fn configured_blobs(config: &ChainConfig, fork: Fork) -> Option<BlobParams> {
    let entry = config.blob_schedule.get(&fork.name().to_lowercase())?;
    let update_fraction = u64::try_from(entry.update_fraction).ok()?;
    Some(BlobParams { max: entry.max_blob_count, update_fraction })
}
