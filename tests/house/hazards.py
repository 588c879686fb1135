"""What would make a team distrust a build tool, and the tests that fail where we let it happen.

Rows that do not apply say why. `test_hazards.py` holds that every test named here is there.
"""

from __future__ import annotations

E, C, M = "tests/engine/test_", "tests/cli/test_", "tests/measure/test_"

ANSWERED: dict[str, tuple[str, ...]] = {
    # -- keys and inputs nobody declared
    "Old bytecode runs under a new key": (
        f"{E}usercode.py::test_an_edit_of_equal_size_within_one_second_is_not_hidden_by_old_bytecode",
        "tests/data/test_usercode.py::test_an_edit_of_equal_size_within_a_second_is_seen_despite_its_bytecode",
    ),
    "The static closure of imports misses a file": (
        "tests/data/test_usercode.py::test_the_closure_follows_every_kind_of_import",
        f"{E}usercode.py::test_a_module_that_the_loader_imports_counts",
        f"{E}usercode.py::test_a_file_that_was_looked_for_and_absent_counts",
        f"{C}fast.py::test_whatever_changed_is_walked",
    ),
    "A package of somebody else's changed under the user's code": (
        f"{E}installed.py::test_another_version_of_a_package_counts",
        f"{E}installed.py::test_the_same_version_installed_again_with_other_files_counts",
        f"{E}installed.py::test_an_installed_module_of_no_distribution_counts_by_its_bytes",
        f"{E}installed.py::test_the_version_in_the_key_is_the_one_that_ran",
    ),
    "A read that no hook sees": (
        f"{E}watching.py::test_what_was_looked_for_and_appears_counts",
        f"{E}watching.py::test_a_size_that_was_asked_for_counts_and_a_date_does_not",
        f"{E}watching.py::test_a_file_that_is_opened_to_be_changed_is_an_input",
        f"{E}watching.py::test_a_file_that_a_forked_worker_reads_counts",
        f"{E}watching.py::test_every_name_in_a_data_folder_counts",
        "tests/data/test_usercode.py::test_files_that_the_spec_names_count",
    ),
    "Configuration of the user's home reaches a step": (
        f"{E}build.py::test_a_step_sees_nothing_of_the_callers_environment",
        f"{E}environment.py::test_a_declared_variable_is_seen_and_counts_and_others_are_not",
        f"{E}environment.py::test_its_value_stands_nowhere_in_the_store_but_in_what_the_step_wrote",
        f"{C}stale.py::test_a_variable_reaches_the_loader_only_where_it_is_declared_and_then_counts",
    ),
    "Floats of one machine are served to another": (
        f"{E}keys.py::test_a_step_that_is_not_portable_holds_the_platform",
    ),
    "A tool that a step uses is in no key, or its own code changed and its version did not": (
        "tests/house/test_steps.py::test_a_step_declares_every_distribution_it_imports",
        "tests/house/test_steps.py::test_no_steps_code_changed_without_its_version",
        "tests/house/test_steps.py::test_code_that_runs_elsewhere_is_held_too",
        f"{E}states.py::test_a_tool_that_is_being_developed_counts_by_its_files",
        f"{C}stale.py::test_another_version_of_a_tool_runs_its_steps_again",
    ),
    "A default, a spelling or the order of a mapping changes or hides a key": (
        f"{E}golden_keys.py::test_no_step_is_known_by_something_else_unnoticed",
        f"{E}keys.py::test_any_changed_parameter_changes_the_key",
        "tests/core/test_core.py::test_canonical_json_tells_one_from_one_point_zero_and_sorts",
        "tests/core/test_core.py::test_what_has_no_canonical_form_is_refused",
    ),
    "Names and places reach bytes": (
        f"{E}golden_keys.py::test_a_project_elsewhere_is_the_same_project",
        f"{E}build.py::test_two_checkouts_have_equal_keys",
        f"{C}build.py::test_renaming_a_target_reruns_decisions_and_documents_alone",
    ),
    "A larger report set calibrates anew": (
        "tests/data/test_splits.py::test_a_larger_report_leaves_the_other_splits_alone",
    ),
    "Equal inputs give other bytes": (
        f"{E}determinism.py::test_honest_steps_give_the_same_bytes",
        f"{E}determinism.py::test_a_step_that_claims_what_it_does_not_keep_is_named_and_nothing_stored_changes",
        "tests/models/test_convert.py::test_two_processes_write_the_same_onnx",
        "tests/models/test_canonical.py::test_names_and_order_of_an_exporter_leave_no_trace",
        "tests/models/test_keras_archive.py::test_two_saves_of_a_model_are_equal_and_predict_as_before",
        "tests/models/test_coreml_package.py::test_two_saves_of_a_model_are_equal_and_the_model_they_were",
    ),
    # -- the store
    "Bytes that were lost run everything after them again": (
        f"{E}build.py::test_an_export_heals_and_leaves_downstream_untouched",
        f"{E}build.py::test_lost_bytes_that_come_out_differently_rerun_their_readers",
        f"{E}manifests.py::test_a_list_of_files_that_is_lost_or_damaged_is_made_anew_by_its_maker_alone",
    ),
    "Two builds of one key leave two winners": (
        f"{E}store.py::test_the_first_writer_of_a_key_wins",
        f"{E}build.py::test_two_builds_at_once_end_with_the_same_bytes",
        f"{E}waits.py::test_two_builds_that_make_lost_bytes_again_end_with_the_same",
    ),
    "Damage is not seen": (
        f"{E}store.py::test_a_glance_trusts_size_time_and_inode_and_removes_what_is_damaged",
        f"{E}build.py::test_a_flipped_bit_with_the_old_time_stamp_is_found_on_use",
        f"{E}layers.py::test_any_one_damaged_file_is_healed",
        f"{E}manifests.py::test_a_list_that_names_the_bytes_of_another_file_gives_nobody_wrong_bytes",
    ),
    "What cannot be made again is not on the disk when its row is": (
        f"{E}durable.py::test_a_file_that_comes_out_differently_is_on_the_disk_before_its_row",
    ),
    "A full disk ends in a traceback or a torn store": (
        f"{E}layers.py::test_a_full_disk_at_any_write_loses_nothing",
        f"{E}failures.py::test_a_full_disk_is_one_problem_and_leaves_the_store_intact",
    ),
    "A store that can only be read cannot be used": (
        f"{E}layers.py::test_what_a_layer_knows_is_not_made_again_and_the_layer_is_not_written",
        f"{E}layers.py::test_damage_in_a_layer_is_not_taken_over",
    ),
    "A network file system breaks locks": (f"{E}layers.py::test_on_the_network_tables_and_locks_lie_on_this_host",),
    "A store grows for ever": (f"{E}leftovers.py::test_old_stamps_logs_and_damaged_tables_go_and_young_ones_stay",),
    "Cleaning takes what a build, a lock or a checkout needs": (
        f"{E}gc.py::test_cleaning_waits_for_a_build_and_voids_stamps",
        f"{E}gc.py::test_what_a_lock_names_stays",
        f"{C}store.py::test_locks_pin_wherever_their_specs_lie",
    ),
    "A lease outlives its holder, or two builds wait for each other": (
        f"{E}together.py::test_a_lease_is_held_by_one_and_ends_with_its_process",
        f"{E}waits.py::test_two_builds_that_measure_one_thing_as_a_step_and_as_a_trial_both_end",
    ),
    # -- measuring, choosing, the lock
    "Another candidate measures all again, and every number moves": (
        f"{C}observations.py::test_fewer_candidates_and_other_names_measure_nothing_again",
        f"{C}observations.py::test_a_new_candidate_is_measured_beside_the_source",
        f"{M}known.py::test_numbers_of_an_older_run_are_as_uncertain_as_the_anchor_moved",
    ),
    "A disturbed measurement is kept, or is taken for ever": (
        f"{M}time.py::test_a_run_that_had_no_processor_to_itself_holds_for_this_build_only",
        f"{E}build.py::test_a_value_of_this_build_is_used_now_and_made_again_next_time",
    ),
    "Measuring again until it is green": (f"{C}observations.py::test_remeasure_takes_new_numbers_and_they_stay",),
    "The identity of a machine is too fine or too coarse": (
        "tests/devices/test_facts.py::test_what_drifts_is_no_fact",
        "tests/devices/test_facts.py::test_the_tightest_quota_counts",
    ),
    "Another machine turns the lock": (
        "tests/deliver/test_lock.py::test_numbers_that_are_unavailable_or_weaker_never_overwrite",
        "tests/deliver/test_lock.py::test_another_machine_stands_beside_the_first_under_its_own_fingerprint",
        "tests/deliver/test_lock.py::test_a_contended_run_does_not_unsettle_the_verdict_of_the_locked_bytes",
    ),
    "--locked measures, or misses what moved": (
        f"{C}locked.py::test_in_an_empty_store_everything_is_made_and_nothing_is_measured",
        f"{C}locked.py::test_a_candidate_that_is_rejected_now_and_another_release_are_told",
        f"{C}locked.py::test_locked_bytes_that_are_nowhere_exit_four_with_a_way_to_them",
    ),
    "Two candidates within the noise take turns": (
        "tests/decide/test_choice.py::test_the_locked_choice_stays_while_the_intervals_meet",
        "tests/decide/test_choice.py::test_the_locked_choice_stays_where_a_contended_run_orders_nothing",
    ),
    "A crash is stored as an answer, or runs at every build": (
        f"{E}failures.py::test_a_crash_is_seen_as_a_failed_refusal_and_never_stored",
        f"{E}processes.py::test_after_two_crashes_a_step_is_not_run_again_until_asked",
        f"{E}trials.py::test_what_a_search_made_without_a_trial_that_failed_is_not_kept",
        f"{E}failures.py::test_a_refusal_flows_to_who_can_do_without_and_is_cached",
    ),
    "A search that is killed begins anew": (
        f"{E}trials.py::test_a_killed_search_goes_on_where_it_was",
        f"{E}trials.py::test_trials_are_stored_and_a_longer_search_runs_only_what_is_new",
        f"{E}trials.py::test_slots_beyond_the_front_are_refused_with_its_length",
    ),
    "Something else runs beside a measurement": (
        f"{E}together.py::test_measuring_excludes_other_processes",
        f"{E}waits.py::test_users_of_one_host_exclude_each_other",
        f"{M}contention.py::test_a_process_that_shared_its_processor_does_not",
    ),
    # -- processes
    "One crash takes others along": (
        f"{E}processes.py::test_one_that_crashes_hangs_or_shouts_leaves_the_others_alone",
        f"{E}orphans.py::test_a_step_whose_parent_dies_runs_again_and_is_no_crash",
    ),
    "Something goes on behind a build that is gone": (
        f"{E}processes.py::test_with_the_engine_killed_nothing_goes_on",
        f"{E}orphans.py::test_with_the_engine_killed_nothing_that_a_step_started_goes_on",
        f"{E}orphans.py::test_what_a_step_leaves_behind_ends_with_it",
        f"{E}failures.py::test_a_time_out_ends_the_whole_group",
    ),
    "A forked step is not what a fresh one would be": (
        f"{E}processes.py::test_a_forked_process_is_like_a_fresh_one",
        f"{E}processes.py::test_a_parent_has_run_nothing_and_ends_with_the_build",
    ),
    "A step takes all memory": (
        f"{E}processes.py::test_a_step_that_takes_all_memory_is_ended_by_name",
        f"{E}processes.py::test_steps_that_would_not_fit_together_run_one_after_the_other",
        f"{E}orphans.py::test_memory_of_what_a_step_started_counts_however_it_was_started",
    ),
    "Ctrl-C or SIGTERM hangs, or loses what is finished": (
        f"{E}processes.py::test_a_build_that_is_asked_to_end_keeps_what_is_finished",
        f"{C}build.py::test_ctrl_c_ends_at_once_with_what_is_done_kept",
    ),
    "A seam of doit ends a run early, or with exit 0": (
        f"{E}doit.py::test_an_exception_in_the_oracle_is_a_status_not_the_end_of_the_run",
        f"{E}doit.py::test_a_build_that_ends_with_steps_waiting_is_our_bug",
        f"{E}orphans.py::test_an_exception_outside_of_a_step_is_our_bug_and_no_hanging_build",
    ),
    # -- the fast path
    "A stamp answers for what has changed": (
        f"{C}fast.py::test_whatever_changed_is_walked",
        f"{C}fast.py::test_a_young_file_is_compared_by_its_bytes",
        f"{C}fast.py::test_a_spec_edited_while_it_is_built_changes_the_next_build_alone",
        f"{C}fast.py::test_a_store_behind_the_store_is_stamped_and_its_loss_is_noticed",
        f"{C}fast.py::test_a_stamp_of_a_clock_ahead_of_now_does_not_count",
        f"{C}fast.py::test_numbers_taken_again_in_another_checkout_void_this_one",
        f"{E}seal.py::test_a_file_that_changed_after_it_was_read_is_no_witness",
        f"{E}edits.py::test_random_edits",
    ),
    # -- plans, privacy
    "A plan hides what a build would do": (
        f"{E}states.py::test_refused_due_and_unavailable_are_told_apart",
        f"{E}states.py::test_below_a_step_that_will_run_nothing_is_certain",
    ),
    "A plan runs the user's code": (f"{C}commands.py::test_plan_runs_no_user_code",),
    "Predictions, images and paths lie open": (
        f"{E}rights.py::test_all_that_is_made_is_the_owners_alone_whatever_the_mask",
        f"{E}store.py::test_the_store_is_private_and_its_files_are_read_only",
        f"{E}layers.py::test_a_store_that_others_may_write_to_is_told",
    ),
}

DOES_NOT_APPLY: dict[str, str] = {
    "A table that is read whole before the first step": "Rows are selected by key; no build reads a whole table.",
    "Rows of machines nobody trusts": (
        "There is no remote store. A layer is named by its reader; what is taken of it is held against its digest."
    ),
    "Private data in what is uploaded": (
        "Nothing is uploaded. A package holds three samples of the user's, because its check cannot do without; the "
        "README says so. Logs stay in the store, which is its owner's alone."
    ),
    "Search results that depend on the clock": (
        "No stage of the language searches yet; what searches need (trials, fronts, slots) is there and tested."
    ),
}
