package dev.beamwright.benchmarks;

import dev.beamwright.recsys.run.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The peers that are installed here, started when they are first needed. Of one that is not, one line says so and what
 * installs it, and then the comparison goes on without.
 */
final class Peers implements AutoCloseable {
    static final String TORCH = "PyTorch", OPEN_BLAS = "OpenBLAS", ND4J = "ND4J", NETLIB = "netlib VectorBLAS";

    private final String python;
    private final int threads;
    private final Progress progress;
    private final Map<String, Optional<Peer>> open = new LinkedHashMap<>();
    private final Map<String, String> missing = new LinkedHashMap<>();

    /**
     * @param python the interpreter that has PyTorch
     * @param threads each may use
     */
    Peers(String python, int threads, Progress progress) {
        this.python = python;
        this.threads = threads;
        this.progress = progress;
    }

    /** A peer, or nothing if it is not installed. */
    Optional<Peer> get(String name) {
        return open.computeIfAbsent(name, _ -> {
            try {
                Peer peer = start(name);
                progress.say(name + ": " + peer.version());
                return Optional.of(peer);
            } catch (Peer.Missing e) {
                missing.put(name, e.getMessage());
                progress.say(name + " is not here (" + e.getMessage() + "); to have it: " + install(name));
                return Optional.empty();
            }
        });
    }

    /** A process of its own for a peer, beside the one that {@link #get} gives. */
    Peer start(String name) throws Peer.Missing {
        Path programs = Checkout.benchmarks().resolve("peers");
        return switch (name) {
            case TORCH ->
                PeerProcess.start(List.of(python, programs.resolve("torch_peer.py").toString()), threads);
            case OPEN_BLAS -> OpenBlas.open(threads);
            case ND4J -> java(programs.resolve("Nd4jPeer.java"), "nd4j", threads);
            case NETLIB -> java(programs.resolve("NetlibPeer.java"), "blas", 1);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** A program of one source file against the libraries that {@code benchmarks/peers/pom.xml} has fetched. */
    private static Peer java(Path program, String library, int threads) throws Peer.Missing {
        Path libraries = Checkout.benchmarks().resolve("target/peers");
        try (Stream<Path> jars = Files.list(libraries)) {
            if (jars.noneMatch(j -> j.getFileName().toString().startsWith(library))) throw new IOException();
        } catch (IOException e) {
            throw new Peer.Missing("its libraries are not in benchmarks/target/peers");
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return PeerProcess.start(
                List.of(java, "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
                        libraries + "/*", program.toString()),
                threads);
    }

    private static String install(String name) {
        return switch (name) {
            case TORCH -> "python3 -m pip install torch==2.13.0, and name that python with --python";
            case OPEN_BLAS -> "apt install libopenblas0-pthread, or brew install openblas";
            default -> "./mvnw -q -f benchmarks/peers/pom.xml package";
        };
    }

    /** Why each missing peer is missing. */
    List<String> missing() {
        List<String> notes = new ArrayList<>();
        missing.forEach((name, why) -> notes.add("without " + name + ": " + why));
        return notes;
    }

    /** The versions of those that are here. */
    List<String> versions() {
        List<String> versions = new ArrayList<>();
        open.forEach((name, peer) -> peer.ifPresent(p -> versions.add(name + ": " + p.version())));
        return versions;
    }

    /** Tells all to drop operands and models. */
    void forget() {
        open.values().forEach(p -> p.ifPresent(Peer::forget));
    }

    @Override
    public void close() {
        open.values().forEach(p -> p.ifPresent(Peer::close));
    }
}
