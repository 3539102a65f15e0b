#include "lb/io/nft_message.h"

#include <array>
#include <cerrno>
#include <ctime>

namespace hearth::lb {

Table make_table(const NftTable& table) {
    Table object(nftnl_table_alloc());
    nftnl_table_set_u32(object.get(), NFTNL_TABLE_FAMILY, table.family);
    nftnl_table_set_str(object.get(), NFTNL_TABLE_NAME, table.name);
    return object;
}

Set make_set(const NftTable& table, const char* name) {
    Set set(nftnl_set_alloc());
    nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, table.family);
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.name);
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
    return set;
}

NftBatch::NftBatch(const NftTable& table, std::uint32_t sequence)
    : table_(table), sequence_(sequence) {
    nftnl_batch_begin(grow(), ++sequence_);
    close();
}

const std::vector<std::uint8_t>& NftBatch::finish() {
    nftnl_batch_end(grow(), ++sequence_);
    close();
    buffer_.resize(size_);
    return buffer_;
}

char* NftBatch::grow() {
    buffer_.resize(size_ + kMaxMessage);
    return reinterpret_cast<char*>(buffer_.data() + size_);
}

void NftBatch::close() {
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data() + size_);
    size_ += NLMSG_ALIGN(message->nlmsg_len);
}

nlmsghdr* NftBatch::begin(std::uint16_t type, std::uint16_t flags) {
    // Only what fails is answered: thousands of acknowledgements would not fit the socket.
    return nftnl_nlmsg_build_hdr(grow(), type, static_cast<std::uint16_t>(table_.family), flags,
                                 ++sequence_);
}

void NftBatch::delete_table() {
    const Table object = make_table(table_);
    nftnl_table_nlmsg_build_payload(begin(NFT_MSG_DELTABLE, 0), object.get());
    close();
}

void NftBatch::create_table(const char* shape) {
    const Table object = make_table(table_);
    nftnl_udata_buf* data = nftnl_udata_buf_alloc(64);
    nftnl_udata_put_strz(data, NFTNL_UDATA_TABLE_COMMENT, shape);
    nftnl_table_set_data(object.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data),
                         nftnl_udata_buf_len(data));
    nftnl_udata_buf_free(data);
    nftnl_table_nlmsg_build_payload(begin(NFT_MSG_NEWTABLE, NLM_F_CREATE), object.get());
    close();
}

void NftBatch::rule(const Rule& rule) {
    nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), rule.get());
    close();
}

NftSocket::NftSocket(Socket socket)
    : socket_(std::move(socket)),
      sequence_(static_cast<std::uint32_t>(std::time(nullptr))),
      buffer_(32768) {}

Result<NftSocket> NftSocket::open() {
    Socket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return fail(Error::from_errno("nftables", errno));
    return NftSocket(std::move(socket));
}

std::uint32_t NftSocket::port() const noexcept { return mnl_socket_get_portid(socket_.get()); }

nlmsghdr* NftSocket::question(std::uint16_t type, std::uint32_t family, std::uint16_t flags) {
    return nftnl_nlmsg_build_hdr(buffer_.data(), type, static_cast<std::uint16_t>(family), flags,
                                 ++sequence_);
}

Result<void> NftSocket::ask(const nlmsghdr* message, mnl_cb_t each, void* context) {
    if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0)
        return fail(Error::from_errno("nftables", errno));
    int more = 1;
    while (more > 0) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) return fail(Error::from_errno("nftables", errno));
        more = mnl_cb_run(buffer_.data(), static_cast<std::size_t>(size), sequence_,
                          mnl_socket_get_portid(socket_.get()), each, context);
    }
    if (more < 0) return fail(Error::from_errno("nftables", errno));
    return {};
}

Result<void> NftSocket::commit(NftBatch& batch) {
    const auto& bytes = batch.finish();
    sequence_ = batch.sequence();
    mnl_socket* socket = socket_.get();
    // A transaction is one datagram, however large.
    const int size_wanted = static_cast<int>(bytes.size()) + 4096;
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_SNDBUFFORCE, &size_wanted,
               sizeof size_wanted);
    if (mnl_socket_sendto(socket, bytes.data(), bytes.size()) < 0)
        return fail(Error::from_errno("nftables", errno));
    // Every answer is queued by now. The first error is the reason; the rest follow from it.
    int first_error = 0;
    while (true) {
        const auto size =
            recv(mnl_socket_get_fd(socket), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN && first_error == 0) first_error = errno;
        if (size <= 0) break;
        const int result = mnl_cb_run(buffer_.data(), static_cast<std::size_t>(size), 0,
                                      mnl_socket_get_portid(socket), nullptr, nullptr);
        if (result < 0 && first_error == 0) first_error = errno;
    }
    if (first_error != 0) return fail(Error::from_errno("nftables", first_error));
    return {};
}

std::string comment_of(const nlmsghdr* message) {
    const Table table(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return {};
    std::uint32_t size = 0;
    const void* data = nftnl_table_get_data(table.get(), NFTNL_TABLE_USERDATA, &size);
    return data == nullptr ? std::string{} : std::string(static_cast<const char*>(data), size);
}

}  // namespace hearth::lb
