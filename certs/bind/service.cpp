#include "certs/bind/service.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "certs/bind/authority.h"
#include "certs/bind/desk.h"
#include "certs/bind/plan.h"
#include "config/load.h"
#include "runtime/control_server.h"
#include "runtime/metrics.h"

namespace hearth::certs {
namespace {

namespace json = boost::json;

// The clock on the wall may be set at any moment, and nobody tells.
constexpr std::chrono::seconds kLookEvery{5};

class CertsService final : public runtime::Service {
public:
    explicit CertsService(runtime::Daemon& daemon)
        : daemon_(daemon),
          authority_(daemon.problems(), daemon.options().state_dir / "certs"),
          timer_(daemon.control_loop().context()) {}

    Result<runtime::Revision> load(const runtime::DaemonOptions& options) override;
    void add_status(json::object& status) override { describe(authority_, status); }
    runtime::Health health() override { return {}; }
    void stop() override { timer_.cancel(); }

private:
    Result<void> apply(const Plan& plan);
    void work();

    runtime::Daemon& daemon_;
    Authority authority_;
    boost::asio::steady_timer timer_;
    bool started_ = false;
};

Result<runtime::Revision> CertsService::load(const runtime::DaemonOptions& options) {
    const auto loaded = config::load(options.config.string());
    if (!loaded) return fail(Errc::kInvalid, "", config::render(loaded.findings));
    if (!options.node.empty() && loaded.document->find_node(options.node) == nullptr)
        return fail(Errc::kInvalid, "--node", "the document has no node " + options.node);
    runtime::Revision revision;
    revision.hash = loaded.hash;
    revision.node = options.node;
    revision.apply = [this, plan = make_plan(*loaded.document)] { return apply(plan); };
    return revision;
}

Result<void> CertsService::apply(const Plan& plan) {
    if (!started_) {
        if (auto opened = authority_.open(); !opened) return opened;
        add_routes(daemon_, authority_, [this] { work(); });
        daemon_.metrics().on_scrape(
            [this](runtime::MetricSink& sink) { collect(authority_, sink); });
        started_ = true;
    }
    authority_.adopt(plan);
    daemon_.control_loop().post([this] { work(); });
    return {};
}

// One leaf at a time, so that whoever asks something waits for the disk but once.
void CertsService::work() {
    using Step = Authority::Step;
    const Step step = authority_.step(wall_clock());
    if (step == Step::kMore) return daemon_.control_loop().post([this] { work(); });
    if (step == Step::kBatchDone) daemon_.events().publish("leaves", "{}");
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) work();
    });
}

}  // namespace

std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon) {
    return std::make_unique<CertsService>(daemon);
}

}  // namespace hearth::certs
