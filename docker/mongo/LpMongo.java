import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.h2.mvstore.MVStore;

/**
 * A small server that speaks MongoDB's wire protocol and keeps its data in one H2 file. It stands in for MongoDB
 * where no image registry can be reached and in tests; it is no database for production.
 *
 * A write is answered only after it is on disk (commit, then fsync), which is what the progress service promises its
 * clients and what a write concern with j: true asks of MongoDB. SIGTERM and SIGINT close the store.
 */
public final class LpMongo {
    private static final Set<String> WRITES = Set.of("insert", "update", "delete", "findandmodify", "create",
            "createindexes", "drop", "dropdatabase", "dropindexes", "renamecollection");

    private LpMongo() {}

    /** H2 in a file; every command that changes data is forced to disk before its reply. */
    private static final class DurableBackend extends H2Backend {
        DurableBackend(MVStore store) {
            super(store);
        }

        @Override
        public Document handleCommand(Channel channel, String database, String command, Document query) {
            String name = command.toLowerCase(Locale.ROOT);
            if (name.equals("hello")) { // the library knows only its older name
                return super.handleCommand(channel, database, "isMaster", query).append("isWritablePrimary", true);
            }
            boolean write = WRITES.contains(name);
            try {
                return super.handleCommand(channel, database, command, query);
            } finally {
                if (write) {
                    commit();            // hands the pages to the file
                    getMvStore().sync(); // and waits for the disk
                }
            }
        }
    }

    private static int port(String text) {
        try {
            int port = Integer.parseInt(text);
            if (port >= 0 && port <= 65535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // falls through to the message below
        }
        throw new IllegalArgumentException("PORT is \"" + text + "\", wanted a number from 0 to 65535");
    }

    private static void serve(String host, int port, Path file) throws Exception {
        Files.createDirectories(file.toAbsolutePath().getParent());
        // Each query but one by _id reads all documents, which costs most where they are deserialised for it.
        int cacheMb = (int) (Runtime.getRuntime().maxMemory() / 4 >> 20);
        MVStore store = new MVStore.Builder().fileName(file.toString()).cacheSize(cacheMb).open();
        MongoServer server = new MongoServer(new DurableBackend(store));
        server.bind(host, port);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.shutdownNow(); // closes the backend, and with it the store
            System.err.println("{\"level\":\"info\",\"msg\":\"stopped, data is on disk\"}");
            Runtime.getRuntime().halt(0); // without it a stop by signal ends with 143
        }, "shutdown"));
        InetSocketAddress at = server.getLocalAddress();
        System.err.println("{\"level\":\"info\",\"msg\":\"listening\",\"port\":" + at.getPort() + "}");
        new CountDownLatch(1).await();
    }

    public static void main(String[] args) {
        if (args.length != 3) {
            System.err.println("usage: LpMongo HOST PORT DATA-FILE");
            System.exit(2);
        }
        try {
            serve(args[0], port(args[1]), Path.of(args[2]));
        } catch (Exception e) {
            System.err.println("lp-mongo: " + args[0] + ":" + args[1] + ", " + args[2] + ": " + e.getMessage());
            System.exit(1);
        }
    }
}
