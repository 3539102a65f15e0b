#include "lb/io/firewall_rules.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <optional>
#include <string_view>

namespace hearth::lb {
namespace {

using namespace firewall;

Register register_of(std::uint32_t number) noexcept {
    return number >= NFT_REG32_00 ? (number - NFT_REG32_00) * 4 : (number - NFT_REG_1) * 16;
}

// Empty where there is none.
const char* text_of(const nftnl_expr* e, std::uint16_t attribute) {
    const char* text = nftnl_expr_get_str(e, attribute);
    return text == nullptr ? "" : text;
}

std::vector<std::uint8_t> octets_of(const nftnl_expr* e, std::uint16_t attribute) {
    std::uint32_t size = 0;
    const auto* data = static_cast<const std::uint8_t*>(nftnl_expr_get(e, attribute, &size));
    return data == nullptr ? std::vector<std::uint8_t>{}
                           : std::vector<std::uint8_t>(data, data + size);
}

Field meta_field(std::uint32_t key) noexcept {
    switch (key) {
        case NFT_META_L4PROTO: return Field::kTransport;
        case NFT_META_NFPROTO: return Field::kFamily;
        case NFT_META_IIFNAME: return Field::kInput;
        case NFT_META_IIF: return Field::kInputIndex;
        case NFT_META_OIFNAME: return Field::kOutput;
        case NFT_META_OIF: return Field::kOutputIndex;
        default: return Field::kUnknown;
    }
}

Field ct_field(std::uint32_t key) noexcept {
    if (key == NFT_CT_STATE) return Field::kConnectionState;
    return key == NFT_CT_STATUS ? Field::kConnectionStatus : Field::kUnknown;
}

constexpr std::uint32_t kLongestUnknown = 16;

Load load_of(const nftnl_expr* e, Field field, std::uint16_t destination) {
    return {field, 0, field == Field::kUnknown ? kLongestUnknown : 0,
            register_of(nftnl_expr_get_u32(e, destination))};
}

Load payload(const nftnl_expr* e) {
    const std::uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
    const Field field = base == NFT_PAYLOAD_NETWORK_HEADER     ? Field::kNetworkHeader
                        : base == NFT_PAYLOAD_TRANSPORT_HEADER ? Field::kTransportHeader
                                                               : Field::kUnknown;
    return {field, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET),
            nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN),
            register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG))};
}

Comparison comparison_of(std::uint32_t operation) noexcept {
    switch (operation) {
        case NFT_CMP_NEQ: return Comparison::kNotEqual;
        case NFT_CMP_LT: return Comparison::kBelow;
        case NFT_CMP_LTE: return Comparison::kAtMost;
        case NFT_CMP_GT: return Comparison::kAbove;
        case NFT_CMP_GTE: return Comparison::kAtLeast;
        default: return Comparison::kEqual;
    }
}

// --- extensions of iptables -----------------------------------------------------------------

template <class Info>
std::optional<Info> info_of(const std::vector<std::uint8_t>& octets) {
    Info info{};
    if (octets.size() < sizeof info) return std::nullopt;
    std::memcpy(&info, octets.data(), sizeof info);
    return info;
}

// xt_conntrack counts its states otherwise from UNTRACKED on.
std::uint32_t states_of(std::uint32_t mask) noexcept {
    constexpr std::uint32_t kSame = 15;  // INVALID, ESTABLISHED, RELATED, NEW
    return (mask & kSame) |
           ((mask & XT_CONNTRACK_STATE_UNTRACKED) != 0 ? ConnectionState::kUntracked : 0);
}

Extension conntrack(const std::vector<std::uint8_t>& octets, std::uint32_t revision) {
    Extension extension;
    const auto info = info_of<xt_conntrack_mtinfo2>(octets);
    constexpr std::uint32_t kTranslated = XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT;
    if (revision < 2 || !info || info->match_flags != XT_CONNTRACK_STATE ||
        (info->state_mask & kTranslated) != 0)
        return extension;
    extension.kind = Extension::Kind::kStates;
    extension.states = states_of(info->state_mask);
    if ((info->invert_flags & XT_CONNTRACK_STATE) != 0) extension.sense = Sense::kOutside;
    return extension;
}

constexpr std::uint16_t kAllPorts[] = {0, 65'535};

template <class Info>
bool has_any_source(const Info& info) noexcept {
    return info.spts[0] == kAllPorts[0] && info.spts[1] == kAllPorts[1];
}

Extension tcp(const std::vector<std::uint8_t>& octets) {
    Extension extension;
    const auto info = info_of<xt_tcp>(octets);
    if (!info || info->invflags != 0 || info->option != 0 || info->flg_mask != 0 ||
        !has_any_source(*info))
        return extension;
    extension.kind = Extension::Kind::kDestinationPorts;
    extension.ports = {{info->dpts[0], info->dpts[1]}};
    return extension;
}

Extension udp(const std::vector<std::uint8_t>& octets) {
    Extension extension;
    const auto info = info_of<xt_udp>(octets);
    if (!info || info->invflags != 0 || !has_any_source(*info)) return extension;
    extension.kind = Extension::Kind::kDestinationPorts;
    extension.ports = {{info->dpts[0], info->dpts[1]}};
    return extension;
}

Extension multiport(const std::vector<std::uint8_t>& octets, std::uint32_t revision) {
    Extension extension;
    const auto info = info_of<xt_multiport_v1>(octets);
    if (revision != 1 || !info || info->flags != XT_MULTIPORT_DESTINATION ||
        info->count > XT_MULTI_PORTS)
        return extension;
    extension.kind = Extension::Kind::kDestinationPorts;
    for (std::size_t i = 0; i < info->count; ++i) {
        const bool is_range = info->pflags[i] != 0 && i + 1 < info->count;
        extension.ports.emplace_back(info->ports[i], info->ports[is_range ? i + 1 : i]);
        if (is_range) ++i;
    }
    if (info->invert != 0) extension.sense = Sense::kOutside;
    return extension;
}

Extension addrtype(const std::vector<std::uint8_t>& octets, std::uint32_t revision) {
    Extension extension;
    const auto info = info_of<xt_addrtype_info_v1>(octets);
    if (revision != 1 || !info || info->source != 0 || info->flags != 0) return extension;
    if (info->dest != 1U << RTN_LOCAL) return extension;
    extension.kind = Extension::Kind::kToThisHost;
    return extension;
}

Extension match(const nftnl_expr* e) {
    const std::string_view name = text_of(e, NFTNL_EXPR_MT_NAME);
    const std::uint32_t revision = nftnl_expr_get_u32(e, NFTNL_EXPR_MT_REV);
    const auto octets = octets_of(e, NFTNL_EXPR_MT_INFO);
    if (name == "comment") return {Extension::Kind::kAlways, 0, {}, Sense::kInside};
    if (name == "conntrack") return conntrack(octets, revision);
    if (name == "tcp") return tcp(octets);
    if (name == "udp") return udp(octets);
    if (name == "multiport") return multiport(octets, revision);
    if (name == "addrtype") return addrtype(octets, revision);
    const auto state = info_of<xt_state_info>(octets);
    if (name == "state" && state)
        return {Extension::Kind::kStates, states_of(state->statemask), {}, Sense::kInside};
    return {};
}

Verdict target(const nftnl_expr* e) {
    const std::string_view name = text_of(e, NFTNL_EXPR_TG_NAME);
    if (name == "REJECT") return {Verdict::Kind::kDrop, {}};
    for (const std::string_view harmless : {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS"})
        if (name == harmless) return {Verdict::Kind::kContinue, {}};
    return {Verdict::Kind::kUnknown, {}};
}

// --- expressions ------------------------------------------------------------------------------

class Translation {
public:
    void add(const nftnl_expr* e) {
        const std::string_view name = text_of(e, NFTNL_EXPR_NAME);
        if (name == "cmp" || name == "bitwise" || name == "range" || name == "lookup")
            return add_match(name, e);
        if (name == "payload" || name == "meta" || name == "ct") return add_load(name, e);
        if (name == "immediate") return add_immediate(e);
        if (name == "match") return keep(match(e));
        if (name == "target") return keep(target(e));
        if (name == "reject") return keep(Verdict{Verdict::Kind::kDrop, {}});
        if (name == "queue") return keep(Verdict{Verdict::Kind::kUnknown, {}});
        for (const std::string_view silent : {"counter", "log", "notrack", "last", "objref"})
            if (name == silent) return;
        if (name == "limit") return keep(Extension{});
        is_foreign_ = true;
    }

    // What it compares is not known when something that is not understood came first: then its
    // verdict alone counts.
    firewall::Rule take() {
        if (!is_foreign_) return std::move(steps_);
        firewall::Rule rule{Extension{}};
        for (Step& step : steps_)
            if (std::holds_alternative<Verdict>(step)) rule.push_back(std::move(step));
        return rule;
    }

private:
    void keep(Step step) { steps_.push_back(std::move(step)); }

    void add_load(std::string_view name, const nftnl_expr* e) {
        if (name == "payload" && nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG))
            return keep(payload(e));
        if (name == "meta" && nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
            return keep(load_of(e, meta_field(nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY)),
                                NFTNL_EXPR_META_DREG));
        if (name == "ct" && nftnl_expr_is_set(e, NFTNL_EXPR_CT_DREG))
            keep(
                load_of(e, ct_field(nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY)), NFTNL_EXPR_CT_DREG));
    }

    void add_match(std::string_view name, const nftnl_expr* e) {
        if (name == "cmp")
            return keep(Compare{register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG)),
                                comparison_of(nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP)),
                                octets_of(e, NFTNL_EXPR_CMP_DATA)});
        if (name == "range")
            return keep(Between{
                register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_SREG)),
                nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ ? Sense::kOutside
                                                                            : Sense::kInside,
                octets_of(e, NFTNL_EXPR_RANGE_FROM_DATA), octets_of(e, NFTNL_EXPR_RANGE_TO_DATA)});
        if (name == "lookup") return add_lookup(e);
        const bool is_mask = !nftnl_expr_is_set(e, NFTNL_EXPR_BITWISE_OP) ||
                             nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL;
        if (!is_mask) {
            is_foreign_ = true;
            return;
        }
        keep(Mask{register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG)),
                  register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG)),
                  octets_of(e, NFTNL_EXPR_BITWISE_MASK), octets_of(e, NFTNL_EXPR_BITWISE_XOR)});
    }

    void add_lookup(const nftnl_expr* e) {
        Lookup lookup;
        lookup.from = register_of(nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG));
        lookup.set = text_of(e, NFTNL_EXPR_LOOKUP_SET);
        const std::uint32_t flags = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS)
                                        ? nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS)
                                        : 0;
        if ((flags & NFT_LOOKUP_F_INV) != 0) lookup.sense = Sense::kOutside;
        if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG)) {
            const std::uint32_t to = nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG);
            if (to == NFT_REG_VERDICT)
                lookup.result = Lookup::Result::kVerdict;
            else
                is_foreign_ = true;
        }
        keep(std::move(lookup));
    }

    void add_immediate(const nftnl_expr* e) {
        if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
            is_foreign_ = true;
            return;
        }
        keep(translate_verdict(nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT),
                               nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN)));
    }

    firewall::Rule steps_;
    bool is_foreign_ = false;
};

}  // namespace

Verdict translate_verdict(std::uint32_t verdict, const char* chain) {
    using Kind = Verdict::Kind;
    const std::string name = chain == nullptr ? "" : chain;
    switch (static_cast<int>(verdict)) {
        case NF_ACCEPT: return {Kind::kAccept, {}};
        case NF_DROP: return {Kind::kDrop, {}};
        case NFT_CONTINUE: return {Kind::kContinue, {}};
        case NFT_RETURN: return {Kind::kReturn, {}};
        case NFT_JUMP: return {Kind::kJump, name};
        case NFT_GOTO: return {Kind::kGoto, name};
        default: return {Kind::kUnknown, {}};
    }
}

firewall::Rule translate(const nftnl_rule& rule) {
    Translation translation;
    const auto add = [](nftnl_expr* e, void* into) {
        static_cast<Translation*>(into)->add(e);
        return 0;
    };
    // It takes the rule as its own, and changes nothing.
    nftnl_expr_foreach(const_cast<nftnl_rule*>(&rule), add, &translation);
    return translation.take();
}

}  // namespace hearth::lb
