// Takes webhooks, and prints what happened; OCRSITE_WEBHOOK_SECRET is the secret (whsec_…).
// .NET 8, a project of the SDK Microsoft.NET.Sdk.Web. Put it behind HTTPS.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

var secret = Environment.GetEnvironmentVariable("OCRSITE_WEBHOOK_SECRET")!;
var dealtWith = new HashSet<string>(); // keep this in your database
var app = WebApplication.Create(args);
app.MapPost("/hook", async (HttpRequest request) =>
{
    using var bytes = new MemoryStream();
    await request.Body.CopyToAsync(bytes);
    if (!request.Headers.ContainsKey("webhook-signature") || !IsGenuine(bytes.ToArray(), request.Headers, secret))
        return Results.Unauthorized();
    // A message may come twice, with the same id. Answer at once; do your work afterwards.
    if (dealtWith.Add(request.Headers["webhook-id"]!))
    {
        var message = JsonDocument.Parse(bytes.ToArray()).RootElement;
        message.GetProperty("data").TryGetProperty("extraction", out var extraction);
        Console.WriteLine($"{message.GetProperty("type")} {extraction}");
    }
    return Results.NoContent();
});
app.Run();

static bool IsGenuine(byte[] body, IHeaderDictionary headers, string secret)
{
    string id = headers["webhook-id"]!, sentAt = headers["webhook-timestamp"]!;
    var age = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(sentAt);
    if (Math.Abs(age) > 300) return false;
    var key = Convert.FromBase64String(secret.Replace("whsec_", ""));
    byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{sentAt}."), .. body];
    var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)));
    return headers["webhook-signature"].ToString().Split(' ').Any(each =>
        CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(each)));
}
