#include "dns/bind/why_desk.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace hearth::dns {
namespace {

using runtime::ControlResponse;

// Upstreams that are slower are left out of it: people wait.
constexpr std::chrono::milliseconds kPatience{1500};

}  // namespace

void WhyDesk::answer(const runtime::ControlRequest& request,
                     const runtime::ControlServer::Reply& reply) {
    const auto name = Name::parse(request.query_or("name", ""));
    if (!name || name->is_root())
        return reply(ControlResponse::error(
            400, "name: a domain name is needed, as in /why?name=ads.example"));
    const auto client_text = request.query_or("client", "");
    const auto client = IpAddress::parse(client_text);
    if (!client && !client_text.empty())
        return reply(ControlResponse::error(400, "client: an address is needed"));

    WhyQuestion why{*name, client, sources_.why_bogus(*name), {}};
    const auto errand = errand_of(*sources_.snapshots.load(), why);
    if (!errand || sources_.workers.empty()) return explain(std::move(why), reply);

    // Whichever comes first, the answer or the end of patience.
    struct Waiting {
        explicit Waiting(boost::asio::io_context& context) : timer(context) {}
        boost::asio::steady_timer timer;
        bool is_over = false;
    };
    const auto waiting = std::make_shared<Waiting>(sources_.control.context());
    const auto finish = [this, waiting, why, reply](std::vector<std::uint8_t> answer) {
        if (std::exchange(waiting->is_over, true)) return;
        waiting->timer.cancel();
        WhyQuestion whole = why;
        whole.answer = std::move(answer);
        explain(std::move(whole), reply);
    };
    waiting->timer.expires_after(kPatience);
    waiting->timer.async_wait([finish](boost::system::error_code error) {
        if (!error) finish({});
    });
    sources_.workers.front()->look_up(
        errand->name, RrType::kA, errand->group,
        [&control = sources_.control, finish](ByteView answer) {
            control.post([finish, bytes = std::vector<std::uint8_t>(answer.begin(),
                                                                    answer.end())]() mutable {
                finish(std::move(bytes));
            });
        });
}

void WhyDesk::explain(WhyQuestion why, const runtime::ControlServer::Reply& reply) {
    sources_.disk.post(
        [layout = layout_, snapshot = sources_.snapshots.load(), why = std::move(why), reply] {
            reply(ControlResponse::json(explain_name(*snapshot, layout, why) + "\n"));
        });
}

}  // namespace hearth::dns
