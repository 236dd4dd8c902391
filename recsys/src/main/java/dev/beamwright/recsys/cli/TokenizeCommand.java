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
        description = "Give each item of a prepared run a semantic ID, and report how good the IDs are.",
        footer = {
            "",
            "Without --codebook-sizes each level has as many codes as the smallest power of two",
            "whose square is twice the number of items, at most 256.",
            "",
            "Write tokens/vectors.npy, tokens/semantic-ids.json, tokens/report.json."
        })
final class TokenizeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "Tokenize the items of this run, made by 'beamwright prepare'.")
    private Path run;

    @Section.In(Section.VECTORS)
    @Option(
            names = "--vectors",
            paramLabel = "KIND|FILE",
            defaultValue = "text+collaborative",
            description = "Make item vectors of text, hashed-text, collaborative, text+collaborative or"
                    + " hashed-text+collaborative, or read them from a .npy or .safetensors file (FILE#NAME for one tensor"
                    + " of several) with one row per item in the order of data/items.tsv, or with an ids.txt beside it."
                    + " Default: ${DEFAULT-VALUE}.")
    private String vectors;

    @Section.In(Section.VECTORS)
    @Option(
            names = "--text-dims",
            paramLabel = "N",
            defaultValue = "64",
            description = "Take N dimensions from text. Default: ${DEFAULT-VALUE}.")
    private int textDims;

    @Section.In(Section.VECTORS)
    @Option(
            names = "--collaborative-dims",
            paramLabel = "N",
            defaultValue = "64",
            description = "Take N dimensions from co-occurrence. Default: ${DEFAULT-VALUE}.")
    private int collaborativeDims;

    @Section.In(Section.VECTORS)
    @Option(
            names = "--collaborative-weight",
            paramLabel = "X",
            defaultValue = "1.5",
            description = "Make the co-occurrence part of a vector X times as long as its text part. Default: ${DEFAULT-VALUE}.")
    private double collaborativeWeight;

    @Section.In(Section.VECTORS)
    @Option(
            names = "--window",
            paramLabel = "N",
            defaultValue = "5",
            description = "Count items as co-occurring up to a distance of N. Default: ${DEFAULT-VALUE}.")
    private int window;

    @Section.In(Section.IDS)
    @Option(
            names = "--quantizer",
            paramLabel = "NAME",
            defaultValue = "residual-kmeans",
            description = "Quantize by residual-kmeans, rq-vae (learned), product, opq (product of rotated vectors), or random"
                    + " (the control). Default: ${DEFAULT-VALUE}.")
    private String quantizer;

    @Section.In(Section.IDS)
    @Option(
            names = "--balanced",
            description = "Give no code more than its even share of items: residual-kmeans at every level, rq-vae at the last.")
    private boolean balanced;

    @Section.In(Section.IDS)
    @Option(
            names = "--rq-vae-epochs",
            paramLabel = "N",
            description = "Train an RQ-VAE for N passes over the items. Default: 500.")
    private Integer rqVaeEpochs;

    @Section.In(Section.IDS)
    @Option(
            names = "--rq-vae-gradient",
            paramLabel = "KIND",
            description = "Estimate an RQ-VAE's gradient by straight_through or rotation. Default: straight_through.")
    private RqVae.Gradient rqVaeGradient;

    @Section.In(Section.IDS)
    @Option(
            names = "--levels",
            paramLabel = "N",
            description = "Give IDs N levels. Default: 3, or as --codebook-sizes has.")
    private Integer levels;

    @Section.In(Section.IDS)
    @Option(
            names = "--codebook-sizes",
            paramLabel = "N",
            split = ",",
            description = "Give each level this many codes, such as 256,256,128. Default: see below.")
    private int[] codebookSizes;

    @Section.In(Section.IDS)
    @Option(
            names = "--collisions",
            paramLabel = "POLICY",
            description = "Where items got the same codes, add an extra-level (a further code tells them apart), reassign"
                    + " (another last code), or leave them shared. Default: extra-level, and shared with --sids.")
    private String collisions;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Draw by this seed. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Section.In(Section.IDS)
    @Option(
            names = "--sids",
            paramLabel = "FILE",
            description = "Take the IDs from FILE: our own semantic-ids.json, or APAO's and LETTER's format.")
    private String sids;

    @Section.In(Section.IDS)
    @Option(
            names = "--sid-key-offset",
            paramLabel = "N",
            defaultValue = "0",
            description = "Add N to the keys of that file to get the item ids. Default: ${DEFAULT-VALUE}.")
    private int sidKeyOffset;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the report as JSON.")
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
                new TokenizeConfig.Vectors(vectors, textDims, collaborativeDims, collaborativeWeight, window),
                new TokenizeConfig.Codes(quantizer, balanced, rqVae(), levels, codebookSizes, collisions),
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
