#include "dns/core/rewritten_name.h"

#include <algorithm>

#include "dns/core/filter_rules.h"

namespace hearth::dns {

void lead_to_rewritten_name(const Snapshot& snapshot, const BlockPolicy& policy, RrType qtype,
                            LocalPath& path) {
    if (path.end != LocalPath::End::kNotOurs || !policy.enabled) return;
    const Verdict verdict = policy.verdict(path.name, qtype);
    if (verdict.source != VerdictSource::kListRewrite) return;
    const LocalNode& node = policy.rewrite_of(verdict).node;
    if (!node.cname || qtype == RrType::kCname) return;
    LocalPath made = find_local(snapshot, *node.cname, qtype);
    if (path.chain_size + 1 + made.chain_size > LocalPath::kMaxChain) return;
    const auto behind = path.chain.begin() + static_cast<std::ptrdiff_t>(path.chain_size);
    *behind = &node;
    std::copy_n(made.chain.begin(), made.chain_size, behind + 1);
    made.chain = path.chain;
    made.chain_size += path.chain_size + 1;
    path = made;
}

}  // namespace hearth::dns
