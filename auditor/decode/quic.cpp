#include "auditor/decode/quic.h"

#include <algorithm>
#include <bitset>
#include <optional>
#include <vector>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/client_hello.h"
#include "auditor/decode/gquic.h"
#include "auditor/decode/quic_keys.h"
#include "auditor/decode/quic_packet.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxConnectionId = 20;
constexpr std::size_t kMinConnectionId = 8;       // of a client's first flight, RFC 9000 §7.2
constexpr std::size_t kMinClientDatagram = 1200;  // RFC 9000 §14.1
constexpr std::size_t kMaxPackets = 16;           // coalesced in a datagram
constexpr std::size_t kConnectionsOfFlow = 4;     // that share one direction of a UDP flow
constexpr std::size_t kMaxDatagram = 65'535;
constexpr std::size_t kTagAndNumber =
    QuicCrypto::kSample + 4;  // the least that a protected packet has after its Length

class ConnectionId {
 public:
  void set(Bytes bytes) {
    size_ = std::min(bytes.size(), kMaxConnectionId);
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  Bytes bytes() const { return {bytes_.data(), size_}; }
  bool is(Bytes other) const { return std::equal(other.begin(), other.end(), bytes_.begin(), bytes_.begin() + size_); }

 private:
  std::array<std::uint8_t, kMaxConnectionId> bytes_{};
  std::size_t size_ = 0;
};

// Bytes are touched as they come, so that most of a large buffer is never in memory.
struct CryptoBuffer {
  std::array<std::uint8_t, kMaxHello> bytes;
  std::bitset<kMaxHello> present;
};

// The beginning of the stream of CRYPTO frames, however they come.
class CryptoStream {
 public:
  void use(CryptoBuffer& buffer) { buffer_ = &buffer; }
  void clear() {
    buffer_->present.reset();
    whole_ = 0;
  }
  // False beyond kMaxHello, or if a byte comes again with another value.
  bool add(std::uint64_t offset, Bytes data) {
    if (offset > kMaxHello || data.size() > kMaxHello - offset) return false;
    std::size_t at = static_cast<std::size_t>(offset);
    for (const std::uint8_t byte : data) {
      if (buffer_->present.test(at) && buffer_->bytes[at] != byte) return false;
      buffer_->present.set(at);
      buffer_->bytes[at++] = byte;
    }
    while (whole_ < kMaxHello && buffer_->present.test(whole_)) ++whole_;
    return true;
  }
  Bytes bytes() const { return Bytes(buffer_->bytes).first(whole_); }

 private:
  CryptoBuffer* buffer_ = nullptr;
  std::size_t whole_ = 0;  // bytes without a gap
};

// One client's connection: the keys of its first flight, and what it has said.
struct Connection {
  bool used = false;
  bool complete = false;   // its hello was read
  bool malformed = false;  // and stays so
  std::uint64_t touched = 0;
  const QuicVersion* version = nullptr;
  ConnectionId original;  // destination of the first Initial: what all keys derive from
  ConnectionId source;    // where a server's packets go
  QuicKeys keys{};
  std::uint64_t largest = 0;  // packet number
  CryptoStream crypto;
};

// A packet that opened.
struct Opened {
  std::uint8_t first = 0;
  std::uint64_t number = 0;
  Bytes payload;
};

// RFC 9000 §A.3, counted from the largest number that was seen.
std::uint64_t whole_number(std::uint64_t largest, std::uint64_t cut, std::size_t bytes) {
  const std::uint64_t window = std::uint64_t{1} << (8 * bytes);
  const std::uint64_t expected = largest + 1;
  const std::uint64_t near = (expected & ~(window - 1)) | cut;
  if (near + window / 2 <= expected && near + window < (std::uint64_t{1} << 62)) return near + window;
  if (near > expected + window / 2 && near >= window) return near - window;
  return near;
}

void skip_ack(ByteReader& reader, bool ecn) {
  read_quic_varint(reader);  // largest
  read_quic_varint(reader);  // delay
  std::uint64_t ranges = read_quic_varint(reader);
  read_quic_varint(reader);  // first range
  for (; ranges != 0 && reader.ok(); --ranges) {
    read_quic_varint(reader);
    read_quic_varint(reader);
  }
  for (int i = 0; ecn && i < 3; ++i) read_quic_varint(reader);
}

bool read_crypto(ByteReader& reader, CryptoStream& crypto) {
  const std::uint64_t offset = read_quic_varint(reader);
  const Bytes data = reader.take(read_quic_varint(reader));
  return reader.ok() && crypto.add(offset, data);
}

// RFC 9000 §12.4, the frames that an Initial may have.
bool read_frames(Bytes payload, CryptoStream& crypto) {
  if (payload.empty()) return false;
  ByteReader reader(payload);
  while (reader.left() != 0) {
    switch (reader.u8()) {
      case 0x00:  // PADDING
      case 0x01:  // PING
        break;
      case 0x02:
        skip_ack(reader, false);
        break;
      case 0x03:
        skip_ack(reader, true);
        break;
      case 0x06:
        if (!read_crypto(reader, crypto)) return false;
        break;
      case 0x1c:  // CONNECTION_CLOSE: code, frame type, reason
        read_quic_varint(reader);
        read_quic_varint(reader);
        reader.skip(read_quic_varint(reader));
        break;
      default:
        return false;
    }
  }
  return reader.ok();
}

// Q050 numbers its frames otherwise, and only CRYPTO, PADDING and PING stand before the CHLO's end: at another frame
// reading stops.
bool read_google_frames(Bytes payload, CryptoStream& crypto) {
  ByteReader reader(payload);
  while (reader.left() != 0) {
    const std::uint8_t type = reader.u8();
    if (type == 0x08 && !read_crypto(reader, crypto)) return false;
    if (type != 0x00 && type != 0x07 && type != 0x08) break;
  }
  return reader.ok();
}

QuicStatus as_quic(HelloStatus status) {
  switch (status) {
    case HelloStatus::Found:
      return QuicStatus::Found;
    case HelloStatus::NeedMore:
      return QuicStatus::NeedMore;
    case HelloStatus::NotHello:  // in a client's Initial there is no other message
    case HelloStatus::Malformed:
      break;
  }
  return QuicStatus::Malformed;
}

// Of the packets of one datagram, the one that says most stands for it; what could not be read goes before what is to
// come.
int weight(QuicStatus status) {
  constexpr QuicStatus kAscending[] = {
      QuicStatus::NotQuic,  QuicStatus::ShortHeader,    QuicStatus::Handshake,
      QuicStatus::Retry,    QuicStatus::UnknownVersion, QuicStatus::VersionNegotiation,
      QuicStatus::NeedMore, QuicStatus::ServerInitial,  QuicStatus::Undecryptable,
      QuicStatus::Found,    QuicStatus::Malformed,
  };
  return static_cast<int>(std::find(std::begin(kAscending), std::end(kAscending), status) - std::begin(kAscending));
}

// A long header with nothing before its version that could be told from other protocols: believed for versions that are
// known.
bool believable(const QuicInvariants& invariants) {
  if (find_quic_version(invariants.version) != nullptr) return true;  // RFC 9287 lets the fixed bit be anything
  return invariants.fixed_bit() && is_named_quic_version(invariants.version);
}

}  // namespace

struct QuicTable::State {
  explicit State(std::size_t places)
      : connections(std::max<std::size_t>(places, 1)),
        flows(connections.size()),
        buffers(new CryptoBuffer[connections.size()]) {
    for (std::size_t i = 0; i < connections.size(); ++i) connections[i].crypto.use(buffers[i]);
  }

  template <typename Visit>
  void each_of(std::uint64_t flow, Visit visit) {
    for (std::size_t i = 0; i < flows.size(); ++i)
      if (flows[i] == flow && connections[i].used) visit(connections[i]);
  }

  // The connections of a flow come first, then nulls.
  using Known = std::array<Connection*, kConnectionsOfFlow>;
  Known of_flow(std::uint64_t flow) {
    Known known{};
    std::size_t count = 0;
    each_of(flow, [&](Connection& connection) {
      if (count < known.size()) known[count++] = &connection;
    });
    return known;
  }

  // A place for another connection of the flow: free, or taken from the least needed.
  Connection& claim(std::uint64_t flow, const Known& known) {
    Connection* place = nullptr;
    const auto better = [](const Connection& one, const Connection& other) {
      if (one.used != other.used) return !one.used;
      if (one.used && one.complete != other.complete) return one.complete;
      return one.touched < other.touched;
    };
    if (known.back() != nullptr) {
      for (Connection* each : known)
        if (place == nullptr || better(*each, *place)) place = each;
    } else {
      for (Connection& each : connections)
        if (place == nullptr || better(each, *place)) place = &each;
    }
    if (place->used && !place->complete) ++pushed_out;
    place->used = true;
    place->complete = place->malformed = false;
    flows[static_cast<std::size_t>(place - connections.data())] = flow;
    place->largest = 0;
    place->crypto.clear();
    return *place;
  }

  std::optional<Opened> open(const QuicKeys& keys, std::uint64_t largest, Bytes packet, std::size_t number_at) {
    const auto mask = crypto.mask(keys, packet.subspan(number_at + 4, QuicCrypto::kSample));
    Opened opened;
    opened.first = packet[0] ^ (mask[0] & 0x0f);
    const std::size_t size = (opened.first & 3u) + 1;
    std::array<std::uint8_t, 4> number{};
    std::uint64_t cut = 0;
    for (std::size_t i = 0; i < size; ++i) {
      number[i] = packet[number_at + i] ^ mask[i + 1];
      cut = cut << 8 | number[i];
    }
    opened.number = whole_number(largest, cut, size);
    const std::array<Bytes, 3> header = {Bytes(&opened.first, 1), packet.subspan(1, number_at - 1),
                                         Bytes(number.data(), size)};
    const Bytes sealed = packet.subspan(number_at + size);
    if (!crypto.open(keys, opened.number, header, sealed, plain.data())) return std::nullopt;
    opened.payload = Bytes(plain).first(sealed.size() - QuicCrypto::kTag);
    return opened;
  }

  // Whether an Initial answers a client that is known: it goes to that client's connection id, and the server's keys
  // open it.
  bool from_server(const QuicVersion& version, const QuicInvariants& invariants, Bytes packet, std::size_t number_at) {
    if (invariants.destination.empty()) return false;
    std::size_t tries = 0;
    for (const Connection& connection : connections) {
      if (!connection.used || !connection.source.is(invariants.destination)) continue;
      if (++tries > kConnectionsOfFlow) return false;
      const QuicKeys keys = crypto.derive(version, connection.original.bytes(), QuicSender::Server);
      if (open(keys, 0, packet, number_at)) return true;
    }
    return false;
  }

  QuicStatus take(Connection& connection, const Opened& opened, ClientHello& hello) {
    connection.touched = ++clock;
    connection.largest = std::max(connection.largest, opened.number);
    const bool chlo = connection.version->chlo;
    const bool frames =
        chlo ? read_google_frames(opened.payload, connection.crypto) : read_frames(opened.payload, connection.crypto);
    if ((opened.first & 0x0c) != 0 || !frames) connection.malformed = true;  // bits reserved by RFC 9000 §17.2
    if (connection.malformed) return QuicStatus::Malformed;
    const Bytes message = connection.crypto.bytes();
    const QuicStatus status = as_quic(chlo ? read_chlo(message, hello) : read_client_hello_message(message, hello));
    connection.malformed = status == QuicStatus::Malformed;
    connection.complete = status == QuicStatus::Found;
    return status;
  }

  // One Initial packet, `packet` to its end.
  QuicStatus read_initial(std::uint64_t flow, const QuicVersion& version, const QuicInvariants& invariants,
                          Bytes packet, std::size_t number_at, std::size_t datagram, ClientHello& hello) {
    if (packet.size() - number_at < kTagAndNumber) return QuicStatus::Undecryptable;
    const Known known = of_flow(flow);
    for (Connection* connection : known) {
      if (connection == nullptr) break;
      // After version negotiation the keys still derive from the first connection id (RFC 9369 §4.1).
      const QuicKeys keys = connection->version == &version
                                ? connection->keys
                                : crypto.derive(version, connection->original.bytes(), QuicSender::Client);
      if (const auto opened = open(keys, connection->largest, packet, number_at))
        return take(*connection, *opened, hello);
    }
    const QuicKeys keys = crypto.derive(version, invariants.destination, QuicSender::Client);
    if (const auto opened = open(keys, 0, packet, number_at)) {
      Connection& connection = claim(flow, known);
      connection.version = &version;
      connection.original.set(invariants.destination);
      connection.source.set(invariants.source);
      connection.keys = keys;
      return take(connection, *opened, hello);
    }
    if (from_server(version, invariants, packet, number_at)) return QuicStatus::ServerInitial;
    if (!invariants.fixed_bit()) return QuicStatus::NotQuic;
    const bool first_flight = datagram >= kMinClientDatagram && invariants.destination.size() >= kMinConnectionId;
    return first_flight ? QuicStatus::Undecryptable : QuicStatus::ServerInitial;
  }

  // One packet at the beginning of `rest`; `end` is where it ends, 0 if nothing can follow it.
  QuicStatus read_packet(std::uint64_t flow, Bytes rest, const QuicInvariants& invariants, std::size_t datagram,
                         std::size_t& end, ClientHello& hello) {
    end = 0;
    const QuicVersion* version = find_quic_version(invariants.version);
    if (is_version_negotiation(rest, invariants)) return QuicStatus::VersionNegotiation;
    if (version == nullptr) return believable(invariants) ? QuicStatus::UnknownVersion : QuicStatus::NotQuic;
    if (invariants.type() == version->retry_type)
      return invariants.fixed_bit() ? QuicStatus::Retry : QuicStatus::NotQuic;
    const bool initial = invariants.type() == version->initial_type;
    const auto bounds = read_quic_protected(rest, invariants, initial);
    if (!bounds && initial) return QuicStatus::Undecryptable;
    if (!bounds) return invariants.fixed_bit() ? QuicStatus::Handshake : QuicStatus::NotQuic;
    end = bounds->end;
    if (!initial) return QuicStatus::Handshake;
    return read_initial(flow, *version, invariants, rest.first(end), bounds->number, datagram, hello);
  }

  QuicStatus read_long(std::uint64_t flow, Bytes datagram, ClientHello& hello) {
    QuicStatus result = QuicStatus::NotQuic;
    ClientHello other;
    Bytes destination;
    Bytes rest = datagram;
    for (std::size_t packets = 0; !rest.empty(); ++packets) {
      const auto invariants = read_quic_invariants(rest);
      if (!invariants) break;  // padding, or a short header, which is the last
      if (packets == kMaxPackets) return QuicStatus::Malformed;
      if (packets == 0) destination = invariants->destination;
      std::size_t end = 0;
      const bool found = result == QuicStatus::Found;
      QuicStatus status = read_packet(flow, rest, *invariants, datagram.size(), end, found ? other : hello);
      // RFC 9000 §12.2: a datagram has packets of one connection. What does not open and is another's says nothing.
      const bool same = std::equal(destination.begin(), destination.end(), invariants->destination.begin(),
                                   invariants->destination.end());
      const bool spoke = status == QuicStatus::Found || status == QuicStatus::NeedMore;
      if (!same && spoke) status = QuicStatus::Malformed;
      if ((same || spoke || status == QuicStatus::Malformed) && weight(status) > weight(result)) result = status;
      if (end == 0) break;
      rest = rest.subspan(end);
    }
    return result;
  }

  std::vector<Connection> connections;
  std::vector<std::uint64_t> flows;  // of each connection, apart so that a search stays in a few cache lines
  std::unique_ptr<CryptoBuffer[]> buffers;
  std::array<std::uint8_t, kMaxDatagram + 1> plain{};
  QuicCrypto crypto;
  std::uint64_t clock = 0;
  std::uint64_t pushed_out = 0;
};

QuicTable::QuicTable(std::size_t places) : state_(std::make_unique<State>(places)) {}
QuicTable::~QuicTable() = default;

QuicStatus QuicTable::read(std::uint64_t flow, Bytes datagram, ClientHello& hello) {
  clear_hello(hello);
  if (datagram.empty()) return QuicStatus::NotQuic;
  if (datagram.size() > kMaxDatagram)
    return may_be_quic_initial(datagram) ? QuicStatus::Undecryptable : QuicStatus::NotQuic;
  QuicStatus status = QuicStatus::NotQuic;
  if (is_clear_gquic(datagram)) {
    const HelloStatus read = read_gquic_client_hello(datagram, hello);
    status = read == HelloStatus::NotHello ? QuicStatus::Handshake : as_quic(read);
  } else if ((datagram[0] & 0x80) != 0) {
    status = state_->read_long(flow, datagram, hello);
  } else if ((datagram[0] & 0x40) != 0) {
    status = QuicStatus::ShortHeader;
  }
  if (status != QuicStatus::Found) clear_hello(hello);
  return status;
}

void QuicTable::forget(std::uint64_t flow) {
  state_->each_of(flow, [](Connection& connection) { connection.used = false; });
}

std::uint64_t QuicTable::pushed_out() const { return state_->pushed_out; }

bool may_be_quic_initial(Bytes datagram) {
  if (is_clear_gquic(datagram)) return true;
  const auto invariants = read_quic_invariants(datagram);
  return invariants && believable(*invariants);
}

}  // namespace airtight::audit
