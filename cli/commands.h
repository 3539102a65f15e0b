#pragma once

#include "cli/command_table.h"

// What the commands do; one file of cli/ for each group.
namespace hearth::cli {

[[nodiscard]] Exit run_status(const Invocation&, Console&);
[[nodiscard]] Exit run_check(const Invocation&, Console&);
[[nodiscard]] Exit run_schema(const Invocation&, Console&);
[[nodiscard]] Exit run_reference(const Invocation&, Console&);
[[nodiscard]] Exit run_why(const Invocation&, Console&);
[[nodiscard]] Exit run_explain(const Invocation&, Console&);
[[nodiscard]] Exit run_routes(const Invocation&, Console&);
[[nodiscard]] Exit run_upstream_drain(const Invocation&, Console&);
[[nodiscard]] Exit run_upstream_undrain(const Invocation&, Console&);
[[nodiscard]] Exit run_services(const Invocation&, Console&);
[[nodiscard]] Exit run_vip_ls(const Invocation&, Console&);
[[nodiscard]] Exit run_vip_renumber(const Invocation&, Console&);
[[nodiscard]] Exit run_lb_plan(const Invocation&, Console&);
[[nodiscard]] Exit run_vip_move(const Invocation&, Console&);
[[nodiscard]] Exit run_node_drain(const Invocation&, Console&);
[[nodiscard]] Exit run_node_undrain(const Invocation&, Console&);
[[nodiscard]] Exit run_queries(const Invocation&, Console&);
[[nodiscard]] Exit run_stats(const Invocation&, Console&);
[[nodiscard]] Exit run_tail(const Invocation&, Console&);
[[nodiscard]] Exit run_reload(const Invocation&, Console&);
[[nodiscard]] Exit run_allow(const Invocation&, Console&);
[[nodiscard]] Exit run_deny(const Invocation&, Console&);
[[nodiscard]] Exit run_forget(const Invocation&, Console&);
[[nodiscard]] Exit run_rules(const Invocation&, Console&);
[[nodiscard]] Exit run_blocking_off(const Invocation&, Console&);
[[nodiscard]] Exit run_blocking_on(const Invocation&, Console&);
[[nodiscard]] Exit run_lists_ls(const Invocation&, Console&);
[[nodiscard]] Exit run_lists_services(const Invocation&, Console&);
[[nodiscard]] Exit run_lists_update(const Invocation&, Console&);
[[nodiscard]] Exit run_ca_init(const Invocation&, Console&);
[[nodiscard]] Exit run_ca_show(const Invocation&, Console&);
[[nodiscard]] Exit run_app(const Invocation&, Console&);
[[nodiscard]] Exit run_ca_client(const Invocation&, Console&);
[[nodiscard]] Exit run_ca_export(const Invocation&, Console&);
[[nodiscard]] Exit run_ca_import(const Invocation&, Console&);
[[nodiscard]] Exit run_peer_keygen(const Invocation&, Console&);
[[nodiscard]] Exit run_version(const Invocation&, Console&);
[[nodiscard]] Exit run_completion(const Invocation&, Console&);
[[nodiscard]] Exit run_help(const Invocation&, Console&);

}  // namespace hearth::cli
