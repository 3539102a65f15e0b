#include "dns/io/back_door.h"

#include <utility>

namespace hearth::dns {

BackDoor::BackDoor(runtime::EventLoop& loop, OnQuestion on_question)
    : loop_(loop), on_question_(std::move(on_question)) {}

Result<Endpoint> BackDoor::open(std::uint16_t group) {
    auto& socket = sockets_[group];
    if (!socket) {
        runtime::UdpOptions options;
        options.receive_size = 512;
        options.reply_size = 0;
        auto bound = runtime::UdpSocket::bind(loop_, {IpAddress::v4(127, 0, 0, 1), 0}, options);
        if (!bound) return fail(std::move(bound.error()));
        socket = std::move(*bound);
        socket->start([this, group](runtime::UdpBatch& batch) { on_batch(group, batch); });
    }
    return socket->local();
}

void BackDoor::on_batch(std::uint16_t group, const runtime::UdpBatch& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        QueryView query;
        if (parse_query(batch[i].payload, query) != QueryFault::kNone ||
            query.qclass != RrClass::kIn)
            continue;
        const std::uint64_t errand = next_++;
        askers_[errand] = {group, batch[i].path};
        on_question_(errand, group, query);
    }
}

void BackDoor::reply(std::uint64_t errand, ByteView answer) {
    const auto asker = askers_.find(errand);
    if (asker == askers_.end()) return;
    sockets_.at(asker->second.group)->send(asker->second.path, answer);
    askers_.erase(asker);
}

}  // namespace hearth::dns
