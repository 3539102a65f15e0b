// A daemon that does nothing but run on hearth::runtime; the tests drive it from outside. Its
// "document" is one word: "good…" loads, "slow…" loads after half a second, "unappliable…" is
// refused by apply, anything else is invalid.
#include <unistd.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "runtime/control_server.h"
#include "runtime/daemon.h"
#include "runtime/udp_socket.h"

namespace {

using namespace hearth;
using namespace hearth::runtime;

class Probe final : public Service {
public:
    explicit Probe(Daemon& daemon) : daemon_(&daemon), worker_("probe-worker") {}

    Result<Revision> load(const DaemonOptions& options) override {
        std::ifstream file(options.config);
        std::string word;
        file >> word;
        if (word.starts_with("slow")) std::this_thread::sleep_for(500ms);
        const bool valid =
            word.starts_with("good") || word.starts_with("slow") || word.starts_with("unappliable");
        if (!valid) {
            return fail(Errc::kInvalid, "",
                        options.config.string() + ":1:1: error: bad word\n" + word + "\n^\n");
        }
        Revision revision;
        revision.hash = word;
        revision.node = options.node.empty() ? "here" : options.node;
        revision.apply = [this, word] { return apply(word); };
        return revision;
    }

    void add_status(boost::json::object& status) override { status["word"] = word_; }
    Health health() override { return health_; }
    void stop() override {
        daemon_->unwatch(worker_);
        worker_.stop();
        worker_.join();
        socket_.reset();
    }

private:
    Result<void> apply(const std::string& word) {
        if (word.starts_with("unappliable"))
            return fail(Errc::kConflict, word, "cannot be applied");
        if (word_.empty()) {
            auto socket = UdpSocket::bind(worker_, {IpAddress::v4(127, 0, 0, 1), 0});
            if (!socket) return fail(socket.error());
            socket_ = std::move(*socket);
            socket_->start([this](UdpBatch& batch) { echo(batch); });
            worker_.start();
            daemon_->watch(worker_);
            add_routes();
        }
        word_ = word;
        return {};
    }

    void echo(UdpBatch& batch) {
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const ByteView in = batch[i].payload;
            std::copy(in.begin(), in.end(), batch.reply_space(i).begin());
            batch.reply(i, in.size());
            packets_.add();
        }
    }

    void add_routes() {
        ControlServer& control = daemon_->control();
        control.route(ControlMethod::kGet, "/udp", [this](const ControlRequest&) {
            return ControlResponse::text(socket_->local().to_string());
        });
        control.route(ControlMethod::kPost, "/echo", [](const ControlRequest& request) {
            return ControlResponse::text(request.body);
        });
        control.route(ControlMethod::kPost, "/health", [this](const ControlRequest& request) {
            health_ = {request.body.empty(), request.body};
            daemon_->health_changed();
            return ControlResponse::text("");
        });
        control.route(ControlMethod::kPost, "/problem", [this](const ControlRequest& request) {
            daemon_->problems().raise("probe", request.body);
            return ControlResponse::text("");
        });
        control.route(ControlMethod::kPost, "/publish", [this](const ControlRequest& request) {
            const int count = std::stoi(std::string(request.query_or("count", "1")));
            for (int i = 0; i < count; ++i) daemon_->events().publish("probe", request.body);
            return ControlResponse::text("");
        });
        control.route(ControlMethod::kPost, "/hang", [this](const ControlRequest&) {
            worker_.post([] { std::this_thread::sleep_for(1h); });
            return ControlResponse::text("");
        });
        control.route(ControlMethod::kPost, "/exec", [](const ControlRequest&) {
            ::execl("/bin/true", "true", nullptr);
            return ControlResponse::text(std::to_string(errno));
        });
        control.route_async(ControlMethod::kPost, "/drop",
                            [](const ControlRequest&, const ControlServer::Reply&) {});
    }

    Daemon* daemon_;
    EventLoop worker_;
    std::unique_ptr<UdpSocket> socket_;
    std::string word_;
    Health health_;
    Counter& packets_ = daemon_->metrics().add_worker().counter("probe_packets_total", "Echoed.");
};

}  // namespace

int main(int argc, char** argv) {
    DaemonSpec spec;
    spec.name = "probe";
    spec.sandbox.keep = {Capability::kNetBindService};
    return run_daemon(argc, argv, spec, [](Daemon& daemon) -> std::unique_ptr<Service> {
        return std::make_unique<Probe>(daemon);
    });
}
