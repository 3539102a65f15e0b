#include "lb/io/flow_redirect.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "lb/io/nft_message.h"
#include "lb/io/tcp_flows.h"

namespace hearth::lb {
namespace {

constexpr NftTable kOurs{NFPROTO_NETDEV, "hearth"};
constexpr const char* kComment = "hearth-lb";
constexpr std::uint32_t kReg = NFT_REG32_00;
constexpr std::uint32_t kMostFlows = 32'768;
constexpr std::uint32_t kEthernetDestination = 0;
constexpr std::uint32_t kEthernetSource = 6;

// nft's numbers of data types, so that it can print our sets.
constexpr std::uint32_t kTypeIpv4 = 7;
constexpr std::uint32_t kTypeIpv6 = 8;
constexpr std::uint32_t kTypeService = 13;

struct Family {
    std::uint16_t ethertype;
    std::uint32_t address_type;
    std::uint32_t address_size;
    std::uint32_t source;
    std::uint32_t destination;
    const char* flows;

    [[nodiscard]] std::uint32_t key_type() const noexcept {
        return ((address_type << 6 | kTypeService) << 6 | address_type) << 6 | kTypeService;
    }
    [[nodiscard]] std::uint32_t key_size() const noexcept { return 2 * (address_size + 4); }
};

constexpr std::array<Family, 2> kFamilies{
    Family{ETH_P_IP, kTypeIpv4, 4, kIpv4Source, kIpv4Destination, "flows"},
    Family{ETH_P_IPV6, kTypeIpv6, 16, 8, 24, "flows6"}};

const Family& family_of(const IpAddress& address) noexcept {
    return kFamilies[address.is_v4() ? 0 : 1];
}

// --- rules ------------------------------------------------------------------------------------

std::string chain_of(int interface) { return "ingress" + std::to_string(interface); }

// TCP to the VIP.
RuleMaker rule_for(const std::string& chain, const IpAddress& vip) {
    const Family& family = family_of(vip);
    RuleMaker maker(kOurs, chain.c_str());
    maker.load_meta(NFT_META_PROTOCOL, kReg)
        .require<std::uint16_t>(kReg, htons(family.ethertype))
        .load_payload(NFT_PAYLOAD_NETWORK_HEADER, family.destination, family.address_size, kReg);
    nftnl_expr* is_vip = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(is_vip, NFTNL_EXPR_CMP_SREG, kReg);
    nftnl_expr_set_u32(is_vip, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
    nftnl_expr_set(is_vip, NFTNL_EXPR_CMP_DATA, vip.bytes().data(), family.address_size);
    maker.add(is_vip).load_meta(NFT_META_L4PROTO, kReg).require<std::uint8_t>(kReg, IPPROTO_TCP);
    return maker;
}

RuleMaker& load_flow(RuleMaker& maker, const Family& family) {
    const std::uint32_t words = family.address_size / 4;
    return maker.load_payload(NFT_PAYLOAD_NETWORK_HEADER, family.source, family.address_size, kReg)
        .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kSourcePort, 2, kReg + words)
        .load_payload(NFT_PAYLOAD_NETWORK_HEADER, family.destination, family.address_size,
                      kReg + words + 1)
        .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2, kReg + 2 * words + 1);
}

Rule came_back(const std::string& chain, const Redirect& redirect) {
    return rule_for(chain, redirect.vip)
        .load_payload(NFT_PAYLOAD_LL_HEADER, kEthernetSource, 6, kReg)
        .require(kReg, redirect.to.octets)
        .verdict(NF_ACCEPT)
        .take();
}

Rule begins_here(const std::string& chain, const Redirect& redirect) {
    constexpr std::uint32_t kFlags = 13;
    constexpr std::array<std::uint8_t, 1> kMask{0x12};  // SYN, ACK
    constexpr std::array<std::uint8_t, 1> kNone{0};
    constexpr std::uint8_t kSyn = 0x02;
    const Family& family = family_of(redirect.vip);
    RuleMaker maker = rule_for(chain, redirect.vip);
    maker.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kFlags, 1, kReg);
    nftnl_expr* masked = nftnl_expr_alloc("bitwise");
    nftnl_expr_set_u32(masked, NFTNL_EXPR_BITWISE_SREG, kReg);
    nftnl_expr_set_u32(masked, NFTNL_EXPR_BITWISE_DREG, kReg);
    nftnl_expr_set_u32(masked, NFTNL_EXPR_BITWISE_LEN, 1);
    nftnl_expr_set(masked, NFTNL_EXPR_BITWISE_MASK, kMask.data(), 1);
    nftnl_expr_set(masked, NFTNL_EXPR_BITWISE_XOR, kNone.data(), 1);
    maker.add(masked).require<std::uint8_t>(kReg, kSyn);
    nftnl_expr* keep = nftnl_expr_alloc("dynset");
    nftnl_expr_set_u32(keep, NFTNL_EXPR_DYNSET_SREG_KEY, kReg);
    nftnl_expr_set_u32(keep, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
    nftnl_expr_set_str(keep, NFTNL_EXPR_DYNSET_SET_NAME, family.flows);
    return load_flow(maker, family).add(keep).verdict(NF_ACCEPT).take();
}

Rule is_here(const std::string& chain, const Redirect& redirect) {
    const Family& family = family_of(redirect.vip);
    RuleMaker maker = rule_for(chain, redirect.vip);
    return load_flow(maker, family).require_member(kReg, family.flows).verdict(NF_ACCEPT).take();
}

void put(RuleMaker& maker, const void* data, std::uint32_t size) {
    nftnl_expr* value = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(value, NFTNL_EXPR_IMM_DREG, kReg);
    nftnl_expr_set(value, NFTNL_EXPR_IMM_DATA, data, size);
    maker.add(value);
}

void write_mac(RuleMaker& maker, std::uint32_t offset, const MacAddress& mac) {
    put(maker, mac.octets.data(), ETH_ALEN);
    nftnl_expr* write = nftnl_expr_alloc("payload");
    nftnl_expr_set_u32(write, NFTNL_EXPR_PAYLOAD_SREG, kReg);
    nftnl_expr_set_u32(write, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_LL_HEADER);
    nftnl_expr_set_u32(write, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(write, NFTNL_EXPR_PAYLOAD_LEN, ETH_ALEN);
    maker.add(write);
}

Rule goes_back(const std::string& chain, const Redirect& redirect, MacAddress own, int index) {
    RuleMaker maker = rule_for(chain, redirect.vip);
    write_mac(maker, kEthernetDestination, redirect.to);
    write_mac(maker, kEthernetSource, own);
    put(maker, &index, sizeof index);
    nftnl_expr* forward = nftnl_expr_alloc("fwd");
    nftnl_expr_set_u32(forward, NFTNL_EXPR_FWD_SREG_DEV, kReg);
    return maker.add(forward).take();
}

// --- a transaction ----------------------------------------------------------------------------

class Transaction : public NftBatch {
public:
    explicit Transaction(std::uint32_t sequence) : NftBatch(kOurs, sequence) {}

    // Also when it is not there.
    void remove() {
        create_table(kComment);
        delete_table();
    }

    void create() {
        create_table(kComment);
        for (const Family& family : kFamilies) set(family);
    }

    void hook(const LedBack& led) {
        const Chain object = ingress(led.index);
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, NF_NETDEV_INGRESS);
        nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, 0);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, "filter");
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_DEV, led.interface.c_str());
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE), object.get());
        close();
    }

    void unhook(int interface) {
        flush(chain_of(interface));
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_DELCHAIN, 0), ingress(interface).get());
        close();
    }

    void forget_flows() {
        for (const Family& family : kFamilies) {
            const Set all = make_set(kOurs, family.flows);
            nftnl_set_elems_nlmsg_build_payload(begin(NFT_MSG_DELSETELEM, 0), all.get());
            close();
        }
    }

    void rules(const LedBack& led) {
        const std::string chain = chain_of(led.index);
        flush(chain);
        for (const Redirect& redirect : led.redirects) {
            rule(came_back(chain, redirect));
            rule(begins_here(chain, redirect));
            rule(is_here(chain, redirect));
            rule(goes_back(chain, redirect, led.own, led.index));
        }
    }

    void flow(const TcpFlow& flow) {
        const Family& family = family_of(flow.server.address);
        std::vector<std::uint8_t> key;
        for (const Endpoint& end : {flow.client, flow.server}) {
            const ByteView address = end.address.bytes();
            key.insert(key.end(), address.begin(), address.end());
            key.insert(key.end(), {static_cast<std::uint8_t>(end.port >> 8),
                                   static_cast<std::uint8_t>(end.port), 0, 0});
        }
        const Set object = make_set(kOurs, family.flows);
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.data(),
                           static_cast<std::uint32_t>(key.size()));
        nftnl_set_elem_add(object.get(), item);
        nftnl_set_elems_nlmsg_build_payload(begin(NFT_MSG_NEWSETELEM, NLM_F_CREATE), object.get());
        close();
    }

private:
    void set(const Family& family) {
        const Set object = make_set(kOurs, family.flows);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, family.key_type());
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, family.key_size());
        nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, NFT_SET_EVAL);
        nftnl_set_set_u32(object.get(), NFTNL_SET_DESC_SIZE, kMostFlows);
        nftnl_set_set_u32(object.get(), NFTNL_SET_ID, ++set_id_);
        nftnl_set_nlmsg_build_payload(begin(NFT_MSG_NEWSET, NLM_F_CREATE), object.get());
        close();
    }

    static Chain ingress(int interface) {
        Chain object(nftnl_chain_alloc());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_FAMILY, kOurs.family);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, kOurs.name);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, chain_of(interface).c_str());
        return object;
    }

    void flush(const std::string& chain) {
        const Rule all(nftnl_rule_alloc());
        nftnl_rule_set_u32(all.get(), NFTNL_RULE_FAMILY, kOurs.family);
        nftnl_rule_set_str(all.get(), NFTNL_RULE_TABLE, kOurs.name);
        nftnl_rule_set_str(all.get(), NFTNL_RULE_CHAIN, chain.c_str());
        nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_DELRULE, 0), all.get());
        close();
    }

    std::uint32_t set_id_ = 0;
};

}  // namespace

struct FlowRedirect::Impl {
    explicit Impl(NftSocket open) : socket(std::move(open)) {}

    // Whatever is there of it, also of an earlier instance. The room for the flows takes the
    // kernel 5 ms: not when a VIP has just come here.
    Result<void> prepare() {
        Transaction transaction(socket.sequence());
        transaction.remove();
        transaction.create();
        hooked_on.clear();
        return socket.commit(transaction);
    }

    // An interface that went took its chain along: then prepare() and once more.
    Result<void> lead(const std::vector<LedBack>& all, const std::vector<TcpFlow>& flows) {
        Transaction transaction(socket.sequence());
        std::set<int> wanted;
        for (const LedBack& led : all) wanted.insert(led.index);
        for (const int interface : hooked_on)
            if (!wanted.contains(interface)) transaction.unhook(interface);
        if (all.empty()) transaction.forget_flows();
        for (const LedBack& led : all) {
            if (!hooked_on.contains(led.index)) transaction.hook(led);
            transaction.rules(led);
        }
        for (std::size_t i = 0; i < std::min<std::size_t>(flows.size(), kMostFlows / 2); ++i)
            transaction.flow(flows[i]);
        if (auto done = socket.commit(transaction); !done) return done;
        hooked_on = std::move(wanted);
        return {};
    }

    NftSocket socket;
    std::set<int> hooked_on;  // interfaces
};

FlowRedirect::FlowRedirect(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FlowRedirect::~FlowRedirect() = default;
FlowRedirect::FlowRedirect(FlowRedirect&&) noexcept = default;
FlowRedirect& FlowRedirect::operator=(FlowRedirect&&) noexcept = default;

Result<FlowRedirect> FlowRedirect::open() {
    auto socket = NftSocket::open();
    if (!socket) return fail(socket.error());
    FlowRedirect redirect(std::make_unique<Impl>(std::move(*socket)));
    if (auto done = redirect.impl_->prepare(); !done) return fail(done.error());
    return redirect;
}

Result<void> FlowRedirect::apply(const std::vector<LedBack>& all, const std::vector<TcpFlow>& own) {
    if (all.empty() && impl_->hooked_on.empty()) return {};
    if (impl_->lead(all, own)) return {};
    // An interface went with its chain, or somebody took the table away.
    if (auto done = impl_->prepare(); !done || all.empty()) return done;
    return impl_->lead(all, own);
}

Result<void> FlowRedirect::restore() { return impl_->prepare(); }

std::uint32_t FlowRedirect::netlink_port() const noexcept { return impl_->socket.port(); }

Result<void> FlowRedirect::withdraw() {
    Transaction transaction(impl_->socket.sequence());
    transaction.remove();
    return impl_->socket.commit(transaction);
}

}  // namespace hearth::lb
