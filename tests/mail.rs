//! Mail leaves after the commit that caused it.

use crate::harness::Server;
use crate::on_both;

on_both! {
    async fn a_test_mail_reaches_the_folder(server: Server) {
        let tenant = server.tenant("acme").await;
        let browser = server.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        browser.form("/console/settings/test-mail", &[]).await.expect(303);
        let folder = server.dir.path().join("outbox");
        let mail = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            loop {
                if let Some(Ok(entry)) = std::fs::read_dir(&folder).ok().and_then(|mut d| d.next()) {
                    let text = std::fs::read_to_string(entry.path()).expect("mail");
                    if text.contains("--\r\n") || text.ends_with("--") {
                        return text;
                    }
                }
                tokio::task::yield_now().await;
            }
        });
        let mail = mail.await.expect("the mail is written");
        assert!(mail.contains("To: admin@acme.example"), "{mail}");
        assert!(mail.contains("Subject: Mail from Vestibule works"), "{mail}");
        assert!(mail.contains("text/plain") && mail.contains("text/html"), "{mail}");
    }
}
