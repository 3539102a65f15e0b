#include "lb/io/service_rules.h"

namespace hearth::lb {
namespace {

constexpr std::uint32_t kDnatDone = 1U << 5;  // IPS_DST_NAT of nf_conntrack_common.h

constexpr std::uint32_t reg(std::uint32_t word) noexcept { return NFT_REG32_00 + word; }
constexpr std::uint32_t kResult = reg(10);  // the backend's address, and its port behind it

nftnl_expr* immediate(std::uint32_t into, ByteView data) {
    nftnl_expr* e = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, into);
    nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, data.data(), static_cast<std::uint32_t>(data.size()));
    return e;
}

nftnl_expr* lookup(const char* map, std::uint32_t into) {
    nftnl_expr* e = nftnl_expr_alloc("lookup");
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, reg(0));
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, into);
    nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, map);
    return e;
}

nftnl_expr* tracked(std::uint32_t key) {
    nftnl_expr* e = nftnl_expr_alloc("ct");
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg(0));
    return e;
}

nftnl_expr* masked(ByteView mask) {
    const std::array<std::uint8_t, 16> none{};
    const auto size = static_cast<std::uint32_t>(mask.size());
    nftnl_expr* e = nftnl_expr_alloc("bitwise");
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, reg(0));
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, reg(0));
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask.data(), size);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, none.data(), size);
    return e;
}

class ServiceRule : public RuleMaker {
public:
    ServiceRule(const ServiceFamily& family, const char* chain)
        : RuleMaker(family.table, chain), family_(family) {}

    void load_source(std::uint32_t word) { load_address(family_.source, word); }
    // VIP, protocol and port of the packet, from register `word` on.
    void load_port_key(std::uint32_t word) {
        load_address(family_.destination, word);
        load_meta(NFT_META_L4PROTO, reg(word + family_.words()));
        load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2,
                     reg(word + family_.words() + 1));
    }
    void load_affinity_key() {
        load_source(0);
        load_port_key(family_.words());
    }

    // The slot of this connection, in the register behind the port key.
    void choose_slot(const ServiceChain& chain) {
        const std::uint32_t into = reg(family_.words() + 2);
        const auto count = static_cast<std::uint32_t>(chain.slots);
        if (chain.balance == Balance::kSourceHash) {
            load_source(0);
            add(hash(into, count));
        } else {
            add(number(chain.balance, into, count));
        }
        load_port_key(0);
        if (chain.range == 0) return;
        std::array<std::uint8_t, 2> first{};
        store_be16(first.data(), chain.range);
        add(immediate(reg(family_.words() + 1), first));
    }

    void remember(const ServiceChain& chain) {
        if (chain.affinity.count() == 0) return;
        load_affinity_key();
        nftnl_expr* e = nftnl_expr_alloc("dynset");
        nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, kAffinityMap);
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, reg(0));
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_DATA, kResult);
        const auto within = static_cast<std::uint64_t>(chain.affinity.count()) * 1000;
        nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, within);
        add(e);
    }

    // Ports of a range stay as they are.
    void translate(const ServiceChain& chain) {
        nftnl_expr* e = nftnl_expr_alloc("nat");
        nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, family_.table.family);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, kResult);
        if (chain.range == 0)
            nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, kResult + family_.words());
        add(e);
    }

private:
    void load_address(std::uint32_t offset, std::uint32_t word) {
        load_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, family_.address_size, reg(word));
    }
    static nftnl_expr* number(Balance balance, std::uint32_t into, std::uint32_t modulus) {
        nftnl_expr* e = nftnl_expr_alloc("numgen");
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, into);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, modulus);
        nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE,
                           balance == Balance::kRandom ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL);
        return e;
    }
    nftnl_expr* hash(std::uint32_t into, std::uint32_t modulus) const {
        nftnl_expr* e = nftnl_expr_alloc("hash");
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SREG, reg(0));
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_DREG, into);
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_LEN, family_.address_size);
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_MODULUS, modulus);
        // The same on every node, after every start.
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SEED, 1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
        return e;
    }

    const ServiceFamily& family_;
};

std::vector<Rule> gate_rules(const ServiceFamily& family, const ServiceChain& chain) {
    std::vector<Rule> rules;
    for (const IpPrefix& prefix : chain.allow) {
        ServiceRule rule(family, chain.name.c_str());
        std::array<std::uint8_t, 16> mask{};
        for (int bit = 0; bit < prefix.length(); ++bit)
            mask[static_cast<std::size_t>(bit) / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
        rule.load_source(0);
        rule.add(masked(ByteView(mask).first(family.address_size)));
        rule.require_bytes(reg(0), prefix.address().bytes());
        rule.verdict(NFT_GOTO, chain.next.c_str());
        rules.push_back(rule.take());
    }
    return rules;
}

}  // namespace

const ServiceFamily& service_family(IpFamily family) noexcept {
    static constexpr ServiceFamily kV4{{NFPROTO_IPV4, "hearth"}, 4, 12, 16, 7, NFT_CT_DST_IP};
    static constexpr ServiceFamily kV6{{NFPROTO_IPV6, "hearth"}, 16, 8, 24, 8, NFT_CT_DST_IP6};
    return family == IpFamily::kV4 ? kV4 : kV6;
}

std::vector<Rule> rules_of(const ServiceFamily& family, const ServiceChain& chain) {
    if (!chain.allow.empty()) return gate_rules(family, chain);
    std::vector<Rule> rules;
    if (chain.affinity.count() != 0) {
        ServiceRule again(family, chain.name.c_str());
        again.load_affinity_key();
        again.add(lookup(kAffinityMap, kResult));
        again.remember(chain);
        again.translate(chain);
        rules.push_back(again.take());
    }
    ServiceRule pick(family, chain.name.c_str());
    pick.choose_slot(chain);
    pick.add(lookup(kBackendMap, kResult));
    pick.remember(chain);
    pick.translate(chain);
    rules.push_back(pick.take());
    return rules;
}

Rule dispatch_rule(const ServiceFamily& family) {
    ServiceRule rule(family, kDispatchChain);
    rule.load_port_key(0);
    rule.add(lookup(kServiceMap, NFT_REG_VERDICT));
    return rule.take();
}

Rule masquerade_rule(const ServiceFamily& family) {
    std::array<std::uint8_t, 4> done{};
    std::memcpy(done.data(), &kDnatDone, 4);
    nftnl_expr* original = tracked(family.original_addressee);
    nftnl_expr_set_u8(original, NFTNL_EXPR_CT_DIR, 0);  // IP_CT_DIR_ORIGINAL
    return RuleMaker(family.table, kPostroutingChain)
        .add(tracked(NFT_CT_STATUS))
        .add(masked(done))
        .require(reg(0), std::uint32_t{0}, NFT_CMP_NEQ)
        .add(original)
        .require_member(reg(0), kServiceVips)
        .add(nftnl_expr_alloc("masq"))
        .take();
}

}  // namespace hearth::lb
