#pragma once

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/c_pointer.h"
#include "base/result.h"

// What nftables.cpp and service_*.cpp share, and nobody else includes: libnftnl's objects, the
// expressions of a rule, a transaction, and the netlink socket.
namespace hearth::lb {

struct NftTable {
    std::uint32_t family = NFPROTO_INET;
    const char* name = "";
};

using Table = CPointer<nftnl_table, nftnl_table_free>;
using Chain = CPointer<nftnl_chain, nftnl_chain_free>;
using Rule = CPointer<nftnl_rule, nftnl_rule_free>;
using Set = CPointer<nftnl_set, nftnl_set_free>;
using Socket = CPointer<mnl_socket, mnl_socket_close>;

// Of a table, as the kernel tells of it, with what libnftnl keeps beside it.
[[nodiscard]] std::string comment_of(const nlmsghdr* message);

constexpr std::uint32_t kIpv4Source = 12;
constexpr std::uint32_t kIpv4Destination = 16;
constexpr std::uint32_t kSourcePort = 0;
constexpr std::uint32_t kDestinationPort = 2;

class RuleMaker {
public:
    RuleMaker(const NftTable& table, const char* chain) : rule_(nftnl_rule_alloc()) {
        nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, table.family);
        nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, table.name);
        nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain);
    }

    RuleMaker& load_meta(std::uint32_t key, std::uint32_t reg) {
        nftnl_expr* e = nftnl_expr_alloc("meta");
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
        return add(e);
    }
    RuleMaker& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length,
                            std::uint32_t reg) {
        nftnl_expr* e = nftnl_expr_alloc("payload");
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
        return add(e);
    }
    RuleMaker& load_destination(std::uint32_t reg) {
        return load_payload(NFT_PAYLOAD_NETWORK_HEADER, kIpv4Destination, 4, reg);
    }
    // Address, protocol and port of an IPv4 packet, in the first three 32-bit registers.
    RuleMaker& load_key(std::uint32_t address_offset, std::uint32_t port_offset) {
        return load_payload(NFT_PAYLOAD_NETWORK_HEADER, address_offset, 4, NFT_REG32_00)
            .load_meta(NFT_META_L4PROTO, NFT_REG32_01)
            .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, port_offset, 2, NFT_REG32_02);
    }
    // Into `to` what `mask` leaves of `from`.
    RuleMaker& mask(std::uint32_t from, std::uint32_t to, ByteView mask) {
        const std::array<std::uint8_t, 16> none{};
        const auto size = static_cast<std::uint32_t>(mask.size());
        nftnl_expr* e = nftnl_expr_alloc("bitwise");
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, from);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, to);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask.data(), size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, none.data(), size);
        return add(e);
    }
    RuleMaker& require_tcp_flag(std::uint32_t reg, std::uint8_t flag) {
        constexpr std::uint32_t kFlags = 13;
        load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kFlags, 1, reg);
        return mask(reg, reg, {&flag, 1}).require<std::uint8_t>(reg, flag);
    }
    template <class Value>  // octets as they lie in memory
    RuleMaker& require(std::uint32_t reg, Value value, std::uint32_t operation = NFT_CMP_EQ) {
        nftnl_expr* e = nftnl_expr_alloc("cmp");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, operation);
        nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, &value, sizeof value);
        return add(e);
    }
    RuleMaker& require_bytes(std::uint32_t reg, ByteView octets) {
        nftnl_expr* e = nftnl_expr_alloc("cmp");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
        nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, octets.data(),
                       static_cast<std::uint32_t>(octets.size()));
        return add(e);
    }
    RuleMaker& require_member(std::uint32_t reg, const char* set) {
        nftnl_expr* e = nftnl_expr_alloc("lookup");
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, reg);
        nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
        return add(e);
    }
    RuleMaker& verdict(int verdict, const char* chain = nullptr) {
        nftnl_expr* e = nftnl_expr_alloc("immediate");
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict));
        if (chain != nullptr) nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
        return add(e);
    }
    RuleMaker& reject(std::uint32_t type, std::uint8_t code) {
        nftnl_expr* e = nftnl_expr_alloc("reject");
        nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
        nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
        return add(e);
    }
    // Any other expression, owned by the rule from now on.
    RuleMaker& add(nftnl_expr* expression) {
        nftnl_rule_add_expr(rule_.get(), expression);
        return *this;
    }
    Rule take() { return std::move(rule_); }

private:
    Rule rule_;
};

// One transaction: messages between a begin and an end.
class NftBatch {
public:
    NftBatch(const NftTable& table, std::uint32_t sequence);

    const std::vector<std::uint8_t>& finish();
    [[nodiscard]] std::uint32_t sequence() const noexcept { return sequence_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }  // octets

protected:
    // The header of one more message, with room for the rest; close() keeps what it became.
    nlmsghdr* begin(std::uint16_t type, std::uint16_t flags);
    void close();

    void delete_table();
    // `shape` becomes the table's comment.
    void create_table(const char* shape);
    void rule(const Rule& rule);

private:
    static constexpr std::size_t kMaxMessage = 4096;
    char* grow();

    NftTable table_;
    std::vector<std::uint8_t> buffer_;
    std::size_t size_ = 0;
    std::uint32_t sequence_;
};

[[nodiscard]] Table make_table(const NftTable& table);
[[nodiscard]] Set make_set(const NftTable& table, const char* name);

// Netlink's answers come at once.
class NftSocket {
public:
    [[nodiscard]] static Result<NftSocket> open();

    // Sends one question and gives the answers to `each`. errno tells why it failed.
    [[nodiscard]] Result<void> ask(const nlmsghdr* message, mnl_cb_t each, void* context);
    [[nodiscard]] Result<void> commit(NftBatch& batch);
    // A question of `type`, to be filled in.
    nlmsghdr* question(std::uint16_t type, std::uint32_t family, std::uint16_t flags);
    [[nodiscard]] std::uint32_t sequence() const noexcept { return sequence_; }
    // Netlink's number of this socket: what it changes bears it.
    [[nodiscard]] std::uint32_t port() const noexcept;

private:
    explicit NftSocket(Socket socket);
    Socket socket_;
    std::uint32_t sequence_;
    std::vector<char> buffer_;
};

}  // namespace hearth::lb
