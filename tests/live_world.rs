//! The Feed, the Rooms and their clients together, under a virtual clock and whatever can go wrong.
//!
//! The invariant: what a client that resumes has seen is exactly what it could see, complete, in order, once; and it
//! is told `resync` only where the log was lost. The world itself checks it at each watermark.

mod live_support;

use live_support::world::{World, helper, unmodified};
use proptest::prelude::*;

fn world(seed: u64) -> World {
    let mut world = World::new(seed, 2);
    for token in ["admin", "patient-1", "patient-2", "anon"] {
        world.add(helper(token));
    }
    for token in ["reception", "patient-1"] {
        world.add(unmodified(token));
    }
    world
}

fn commit(world: &mut World, changes: u64) {
    for _ in 0..changes {
        let mut random = world.random.clone();
        world.postgres.commit(&mut random);
        world.random = random;
    }
}

#[test]
fn everybody_sees_everything_when_all_is_well() {
    let mut world = world(1);
    world.run(5_000);
    for _ in 0..50 {
        commit(&mut world, 3);
        world.nudge();
        world.run(200);
    }
    world.settle();
    world.check_all();
    assert!(world.clients[0].seen.len() > 100);
    assert!(
        world.clients.iter().all(|client| client.repeated == 0 && client.resyncs == 0 && client.errors == 0)
    );
    assert_eq!(world.upstream_connects, 1);
}

/// A minute of ordinary life, with one thing that happens when it begins.
fn with(seed: u64, happens: &[Step]) -> World {
    let mut world = world(seed);
    for step in happens {
        happen(&mut world, step);
    }
    for _ in 0..10 {
        commit(&mut world, 4);
        world.nudge();
        world.run(150);
        commit(&mut world, 2);
        world.run(700);
    }
    world.settle();
    world.check_all();
    assert!(world.clients.iter().all(|client| client.resyncs == 0));
    world
}

#[test]
fn the_feed_may_die_after_any_effect() {
    for effects in 0..70 {
        assert_eq!(with(effects, &[Step::FeedDies(effects)]).crashes, 1);
    }
}

#[test]
fn a_room_may_die_after_any_effect() {
    for effects in 0..70 {
        assert_eq!(with(effects, &[Step::RoomDies(0, effects)]).crashes, 1);
    }
}

#[test]
fn a_client_may_be_cut_off_at_any_moment() {
    for moment in 0..40 {
        let mut world = world(moment);
        for beat in 0..60 {
            commit(&mut world, 1);
            if beat == moment || beat == moment + 9 {
                (0..6).for_each(|client| world.cut(client));
            }
            world.run(37);
        }
        world.settle();
        world.check_all();
        assert!(world.clients.iter().all(|client| client.resyncs == 0));
    }
}

#[test]
fn a_room_that_never_acknowledges_is_let_go_and_comes_back_by_itself() {
    let mut world = world(3);
    world.run(3_000);
    world.faults.lose_acks = true;
    world.faults.lose_pushes = true;
    for _ in 0..30 {
        commit(&mut world, 5);
        world.run(10_000);
    }
    world.settle();
    world.check_all();
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Commit(u64),
    Nudge,
    Wait(u64),
    DropUpstream,
    Zombie,
    Lose(bool),
    Repeat(bool),
    Reorder(bool),
    RefuseJoins(bool),
    UpstreamDown(bool),
    UnsolicitedReady,
    PostgresDown(bool),
    RefuseReads(bool),
    RefuseAuthorisation(bool),
    LosePushes(bool),
    LoseAcks(bool),
    FeedDies(u64),
    RoomDies(usize, u64),
    Cut(usize),
    Restart,
    Trim(usize),
}

fn happen(world: &mut World, step: &Step) {
    match *step {
        Step::Commit(changes) => commit(world, changes),
        Step::Nudge => world.nudge(),
        Step::Wait(ms) => world.run(ms),
        Step::DropUpstream => world.drop_upstream(),
        Step::Zombie => world.realtime.is_zombie = true,
        Step::Lose(on) => world.realtime.loses = on,
        Step::Repeat(on) => world.realtime.repeats = on,
        Step::Reorder(on) => world.realtime.reorders = on,
        Step::RefuseJoins(on) => world.realtime.refuses_joins = on,
        Step::UpstreamDown(on) => {
            world.realtime.is_down = on;
            world.drop_upstream();
        }
        Step::UnsolicitedReady => world.unsolicited_ready(),
        Step::PostgresDown(on) => world.postgres.is_down = on,
        Step::RefuseReads(on) => world.faults.refuse_reads = on,
        Step::RefuseAuthorisation(on) => world.faults.refuse_authorisation = on,
        Step::LosePushes(on) => world.faults.lose_pushes = on,
        Step::LoseAcks(on) => world.faults.lose_acks = on,
        Step::FeedDies(effects) => world.feed_dies_in(effects),
        Step::RoomDies(room, effects) => world.room_dies_in(room, effects),
        Step::Cut(client) => world.cut(client),
        Step::Restart => world.restart(),
        Step::Trim(keep) => world.trim(keep),
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..20_u64).prop_map(Step::Commit),
        3 => Just(Step::Nudge),
        8 => (1..4_000_u64).prop_map(Step::Wait),
        1 => (4_000..40_000_u64).prop_map(Step::Wait),
        1 => Just(Step::DropUpstream),
        1 => Just(Step::Zombie),
        1 => any::<bool>().prop_map(Step::Lose),
        1 => any::<bool>().prop_map(Step::Repeat),
        1 => any::<bool>().prop_map(Step::Reorder),
        1 => any::<bool>().prop_map(Step::RefuseJoins),
        1 => any::<bool>().prop_map(Step::UpstreamDown),
        1 => Just(Step::UnsolicitedReady),
        1 => any::<bool>().prop_map(Step::PostgresDown),
        1 => any::<bool>().prop_map(Step::RefuseReads),
        1 => any::<bool>().prop_map(Step::RefuseAuthorisation),
        1 => any::<bool>().prop_map(Step::LosePushes),
        1 => any::<bool>().prop_map(Step::LoseAcks),
        3 => (0..12_u64).prop_map(Step::FeedDies),
        3 => (0..2_usize, 0..30_u64).prop_map(|(room, effects)| Step::RoomDies(room, effects)),
        3 => (0..6_usize).prop_map(Step::Cut),
        1 => Just(Step::Restart),
    ]
}

fn run(seed: u64, steps: &[Step]) -> World {
    let mut world = world(seed);
    world.run(3_000);
    for step in steps {
        happen(&mut world, step);
    }
    world.settle();
    world.check_all();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_repeated_whatever_goes_wrong(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..60)) {
        let world = run(seed, &steps);
        // The log reaches back over the whole test: nobody has a reason to begin anew.
        prop_assert!(world.clients.iter().all(|client| client.resyncs == 0));
        if world.crashes == 0 {
            prop_assert!(world.clients.iter().all(|client| client.resumes || client.repeated == 0));
        }
    }

    #[test]
    fn where_the_log_is_trimmed_clients_are_told(
        seed in any::<u64>(),
        steps in prop::collection::vec(prop_oneof![4 => step(), 1 => (1..30_usize).prop_map(Step::Trim)], 1..60),
    ) {
        run(seed, &steps);
    }
}
