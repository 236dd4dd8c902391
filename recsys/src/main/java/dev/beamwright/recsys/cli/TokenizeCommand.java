package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.RqVae;
import dev.beamwright.recsys.semanticid.SidReport;
import dev.beamwright.recsys.semanticid.Tokenize;
import dev.beamwright.recsys.semanticid.TokenizeConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code beamwright tokenize RUN}: gives each item a semantic ID. */
@Command(
        name = "tokenize",
        mixinStandardHelpOptions = true,
        description = "Gives each item of a prepared run a semantic ID, and reports how good the IDs are.",
        footer = {
            "",
            "Without --widths each level has as many codes as the smallest power of two",
            "whose square is twice the number of items, at most 256.",
            "",
            "Writes tokens/vectors.npy, tokens/semantic-ids.json, tokens/report.json."
        })
final class TokenizeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "the folder of a run, made by 'beamwright prepare'")
    private Path run;

    @Option(
            names = "--vectors",
            paramLabel = "KIND|FILE",
            defaultValue = "text+collaborative",
            description = "text, hashed-text, collaborative, text+collaborative, hashed-text+collaborative, or a .npy"
                    + " or .safetensors file (FILE#NAME for one tensor of several) with one row per item in the order"
                    + " of data/items.tsv, or with an ids.txt beside it; default: ${DEFAULT-VALUE}")
    private String vectors;

    @Option(
            names = "--text-dims",
            paramLabel = "N",
            defaultValue = "64",
            description = "dimensions from text; default: ${DEFAULT-VALUE}")
    private int textDims;

    @Option(
            names = "--collaborative-dims",
            paramLabel = "N",
            defaultValue = "64",
            description = "dimensions from co-occurrence; default: ${DEFAULT-VALUE}")
    private int collaborativeDims;

    @Option(
            names = "--collaborative-weight",
            paramLabel = "X",
            defaultValue = "1.5",
            description = "how much longer the co-occurrence part of a vector is than its text part; default:"
                    + " ${DEFAULT-VALUE}")
    private double collaborativeWeight;

    @Option(
            names = "--window",
            paramLabel = "N",
            defaultValue = "5",
            description = "items further apart than this do not co-occur; default: ${DEFAULT-VALUE}")
    private int window;

    @Option(
            names = "--quantizer",
            paramLabel = "NAME",
            defaultValue = "residual-kmeans",
            description = "residual-kmeans, rq-vae (learned), product, opq (product of rotated vectors), or random (the"
                    + " control); default: ${DEFAULT-VALUE}")
    private String quantizer;

    @Option(
            names = "--balanced",
            description = "no code gets more than its even share of items: residual-kmeans at every level, rq-vae at the"
                    + " last")
    private boolean balanced;

    @Option(names = "--rq-vae-epochs", paramLabel = "N", description = "passes over the items; default: 500")
    private Integer rqVaeEpochs;

    @Option(
            names = "--rq-vae-gradient",
            paramLabel = "KIND",
            description = "straight_through or rotation; default: straight_through")
    private RqVae.Gradient rqVaeGradient;

    @Option(names = "--levels", paramLabel = "N", description = "levels of an ID; default: 3, or as --widths has")
    private Integer levels;

    @Option(
            names = "--widths",
            paramLabel = "N",
            split = ",",
            description = "codes of each level, such as 256,256,128")
    private int[] widths;

    @Option(
            names = "--collisions",
            paramLabel = "POLICY",
            description = "what to do where items got the same codes: extra-level (a further code tells them apart),"
                    + " reassign (another last code), shared (nothing); default: extra-level, and shared with --sids")
    private String collisions;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(
            names = "--sids",
            paramLabel = "FILE",
            description = "take the IDs from this file: our own semantic-ids.json, or APAO's and LETTER's format")
    private String sids;

    @Option(
            names = "--sid-key-offset",
            paramLabel = "N",
            defaultValue = "0",
            description = "added to the keys of that file to give the item ids; default: ${DEFAULT-VALUE}")
    private int sidKeyOffset;

    @Option(names = "--json", description = "print the report as JSON")
    private boolean json;

    /** How an RQ-VAE is trained, null for the usual way. */
    private RqVae.Settings rqVae() {
        if (rqVaeEpochs == null && rqVaeGradient == null) return null;
        if (!quantizer.equals("rq-vae")) {
            throw new UserError("--rq-vae-epochs and --rq-vae-gradient go with --quantizer rq-vae only");
        }
        RqVae.Settings usual = RqVae.Settings.DEFAULT;
        return usual.with(
                rqVaeGradient == null ? usual.gradient() : rqVaeGradient,
                balanced,
                rqVaeEpochs == null ? usual.epochs() : rqVaeEpochs);
    }

    @Override
    public Integer call() {
        TokenizeConfig config = new TokenizeConfig(
                vectors,
                textDims,
                collaborativeDims,
                collaborativeWeight,
                window,
                quantizer,
                balanced,
                rqVae(),
                levels,
                widths,
                collisions,
                seed,
                sids,
                sidKeyOffset);
        RunFolder folder = RunFolder.open(run);
        SidReport report;
        try (var _ = folder.lock()) {
            report = Tokenize.run(config, folder, Progress.stderr());
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.line(report));
        } else {
            out.print(report.text());
            out.println("\nwrote " + run.resolve("tokens") + ": vectors.npy, semantic-ids.json, report.json");
        }
        out.flush();
        return Main.OK;
    }
}
